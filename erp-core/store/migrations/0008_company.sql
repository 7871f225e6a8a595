-- The company: its currency, its chart of accounts, what other currencies are worth, and the parts that costs are counted for.

CREATE TABLE companies (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Name of a template.
    chart TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);

-- Those of the template are here from the first entry on.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
    -- What posting rules use it for; one account has it.
    role TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'blocked')),
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

CREATE TABLE cost_centres (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'blocked')),
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

CREATE TABLE exchange_rates (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    base TEXT NOT NULL,
    -- The beginning of a day, in UTC.
    valid_from TIMESTAMP NOT NULL,
    -- What one unit of the currency is worth in the base, as a decimal.
    rate TEXT NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, currency, valid_from)
);

-- A line in another currency than the company's says what it is in that; one that is only about that has neither debit nor credit.
CREATE TABLE journal_lines_in_base (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    entry_id TEXT NOT NULL REFERENCES journal_entries (id),
    line_no BIGINT NOT NULL,
    account TEXT NOT NULL,
    debit_minor BIGINT NOT NULL,
    credit_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    posted_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    -- Debits less credits in the company's currency.
    base_minor BIGINT,
    cost_centre TEXT,
    CHECK (debit_minor = 0 OR credit_minor = 0),
    CHECK (debit_minor <> 0 OR credit_minor <> 0 OR coalesce(base_minor, 0) <> 0)
);
INSERT INTO journal_lines_in_base SELECT id, tenant_id, entry_id, line_no, account, debit_minor, credit_minor, currency,
    posted_at, tx_no, NULL, NULL FROM journal_lines;
DROP TABLE journal_lines;
ALTER TABLE journal_lines_in_base RENAME TO journal_lines;
CREATE INDEX journal_lines_of_entry ON journal_lines (entry_id);
CREATE INDEX journal_lines_of_account ON journal_lines (tenant_id, account, posted_at, id);
CREATE INDEX journal_lines_of_cost_centre ON journal_lines (tenant_id, cost_centre, account, posted_at)
    WHERE cost_centre IS NOT NULL;

ALTER TABLE account_days ADD COLUMN base_debit_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account_days ADD COLUMN base_credit_minor BIGINT NOT NULL DEFAULT 0;
UPDATE account_days SET base_debit_minor = debit_minor, base_credit_minor = credit_minor;
