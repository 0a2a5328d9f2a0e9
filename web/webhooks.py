"""What the provider of SMS tells us. Each route checks the provider's signature."""

from __future__ import annotations

from typing import Final

from web.policy import Router

router: Final = Router(prefix="/webhooks", include_in_schema=False)
