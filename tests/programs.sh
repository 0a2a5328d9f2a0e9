#!/bin/sh
# Programs that tests look at pages and papers with: a real browser, and readers of PDF and QR codes.
# Brings what is missing where that is allowed (root on Debian); elsewhere says loudly what is
# missing, and the tests that need it are skipped with the same words. Never fails: tests decide.
set -u

missing=''
needs() { # needs PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
needs chromium chromium
needs pdftotext poppler-utils
needs qpdf qpdf
needs zbarimg zbar-tools

install() { # install PACKAGE …
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"
}

# The same browser with nothing in it to draw windows with: tests take half as long. Where it is not
# to be had, they take the whole one.
lighter() {
    command -v chromium-headless-shell >/dev/null 2>&1 ||
        ! apt-cache show chromium-headless-shell >/dev/null 2>&1 ||
        install chromium-headless-shell >/dev/null 2>&1
}

may=''
command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && may=yes
if [ -z "$missing" ]; then
    [ -z "$may" ] || lighter || :
    exit 0
fi
if [ -n "$may" ]; then
    echo "overlev: installing for the tests (once):$missing" >&2
    # shellcheck disable=SC2086 # several packages
    said=$( (apt-get update -qq && install $missing) 2>&1) && {
        lighter || :
        exit 0
    }
    echo "$said" | tail -3 >&2
fi
{
    echo '****************************************************************'
    echo "overlev: NOT INSTALLED, so tests that need it are SKIPPED:$missing"
    echo "overlev: bring it with: apt-get install$missing"
    echo '****************************************************************'
} >&2
exit 0
