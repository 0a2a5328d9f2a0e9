"""On SQLite a task's codes are checked without building a table for each list of values.

Every case has ten tasks, and the checks took more than half of the time of writing them. What is
allowed stays the same, so nothing is to be done on Postgres. SQLite cannot change a CHECK: the
table is made anew and filled from the former one.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0013"

_NEW = """
CREATE TABLE task_new (
    case_id INTEGER NOT NULL,
    code VARCHAR(64) NOT NULL,
    step VARCHAR(64) NOT NULL,
    owner VARCHAR(64) NOT NULL,
    visibility VARCHAR(64) NOT NULL,
    klass VARCHAR(64) NOT NULL,
    required BOOLEAN NOT NULL,
    state VARCHAR(64) NOT NULL,
    due_at VARCHAR(27),
    known_at VARCHAR(27),
    hurried BOOLEAN NOT NULL,
    settled_at VARCHAR(27),
    told_at VARCHAR(27),
    wake_at VARCHAR(27),
    done_at VARCHAR(27),
    recorded_at VARCHAR(27),
    done_by VARCHAR(64),
    done_unit VARCHAR(64),
    form VARCHAR(64),
    reason VARCHAR(64),
    answer VARCHAR(64),
    missed_at VARCHAR(27),
    CONSTRAINT pk_task PRIMARY KEY (case_id, code),
    CONSTRAINT ck_task_step CHECK (CASE step WHEN 'INTAKE_TALK' THEN 1
        WHEN 'OVERDOSE_INFO' THEN 1 WHEN 'RELEASE_TALK' THEN 1 WHEN 'TIME_IN_HAND' THEN 1
        ELSE 0 END),
    CONSTRAINT ck_task_owner CHECK (CASE owner WHEN 'health' THEN 1 WHEN 'officer' THEN 1
        WHEN 'coordinator' THEN 1 WHEN 'any' THEN 1 ELSE 0 END),
    CONSTRAINT ck_task_visibility CHECK (visibility IN ('shared', 'health')),
    CONSTRAINT ck_task_klass CHECK (CASE klass WHEN 'clinical' THEN 1
        WHEN 'before_release' THEN 1 WHEN 'admin' THEN 1 ELSE 0 END),
    CONSTRAINT ck_task_state CHECK (CASE state WHEN 'prepared' THEN 1 WHEN 'open' THEN 1
        WHEN 'done' THEN 1 WHEN 'waived' THEN 1 WHEN 'missed' THEN 1 WHEN 'cancelled' THEN 1
        ELSE 0 END),
    CONSTRAINT ck_task_form CHECK (form IS NULL OR form IN ('group', 'individual')),
    CONSTRAINT ck_task_reason CHECK (reason IS NULL OR CASE reason
        WHEN 'done_elsewhere' THEN 1 WHEN 'not_relevant' THEN 1 WHEN 'absent' THEN 1
        WHEN 'too_short_notice' THEN 1 WHEN 'refused_this_task' THEN 1 ELSE 0 END),
    CONSTRAINT ck_task_done_has_time
        CHECK ((state IN ('done', 'waived')) = (done_at IS NOT NULL)),
    CONSTRAINT ck_task_waived_has_reason CHECK ((state = 'waived') = (reason IS NOT NULL)),
    CONSTRAINT ck_task_open_has_due CHECK (state <> 'open' OR due_at IS NOT NULL),
    CONSTRAINT ck_task_only_open_wakes CHECK (wake_at IS NULL OR state = 'open'),
    CONSTRAINT fk_task_case_id_case_ FOREIGN KEY(case_id) REFERENCES case_ (id),
    CONSTRAINT fk_task_done_unit_unit FOREIGN KEY(done_unit) REFERENCES unit (code)
) WITHOUT ROWID
"""

_COLUMNS = (
    "case_id, code, step, owner, visibility, klass, required, state, due_at, known_at, hurried, "
    "settled_at, told_at, wake_at, done_at, recorded_at, done_by, done_unit, form, reason, "
    "answer, missed_at"
)

_DONE_AT = """
CREATE INDEX ix_task_done_at ON task (done_at, done_unit, code, state, reason)
WHERE done_at IS NOT NULL
"""

_STEPS = (
    _NEW,
    f"INSERT INTO task_new ({_COLUMNS}) SELECT {_COLUMNS} FROM task",
    "DROP TABLE task",
    "ALTER TABLE task_new RENAME TO task",
    "CREATE INDEX ix_task_due_at ON task (due_at, case_id) WHERE state = 'open'",
    "CREATE INDEX ix_task_wake_at ON task (wake_at) WHERE wake_at IS NOT NULL",
    _DONE_AT,
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in _STEPS:
            connection.exec_driver_sql(statement)
