-- What each account came to on each day, in UTC: reports add these up instead of all lines. Derived; `cortex erp verify` holds
-- them against the lines.
CREATE TABLE account_days (
    tenant_id TEXT NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Days since 1970-01-01.
    day BIGINT NOT NULL,
    debit_minor BIGINT NOT NULL,
    credit_minor BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account, currency, day)
);

INSERT INTO account_days (tenant_id, account, currency, day, debit_minor, credit_minor)
SELECT tenant_id, account, currency,
    (posted_at - (posted_at % 86400000000 + 86400000000) % 86400000000) / 86400000000, -- SQLite
    -- PostgreSQL: CAST(floor(extract(epoch FROM posted_at) / 86400) AS BIGINT),
    CAST(sum(debit_minor) AS BIGINT), CAST(sum(credit_minor) AS BIGINT)
FROM journal_lines GROUP BY 1, 2, 3, 4;
