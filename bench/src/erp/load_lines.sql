-- Entries of ten lines, five pairs of a debit and a credit, over three years of days: accounts and amounts by turns.
CREATE TEMPORARY TABLE chart ON COMMIT DROP AS
SELECT code, row_number() OVER (ORDER BY code) - 1 AS place, count(*) OVER () AS many
FROM accounts WHERE tenant_id = 'main' AND state = 'open';

INSERT INTO journal_entries (id, tenant_id, number, document_kind, document_id, memo, currency, posted_at, tx_no)
SELECT 'a0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), 'main', 'L-' || lpad(n::text, 9, '0'), 'journal-entry',
    'a0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), 'loaded', 'GBP',
    timestamptz '2022-01-01 00:00:00+00' + make_interval(days => (n % 1095)::int, secs => n * 7919 % 86400), 0
FROM generate_series(0::bigint, :LINES / 10 - 1) n;

INSERT INTO journal_lines (id, tenant_id, entry_id, line_no, account, debit_minor, credit_minor, currency, posted_at, tx_no)
SELECT 'b0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'), 'main', 'a0000000-0000-7000-8000-' || lpad(to_hex(n / 10), 12, '0'),
    n % 10 + 1, code, CASE WHEN n % 2 = 0 THEN amount ELSE 0 END, CASE WHEN n % 2 = 1 THEN amount ELSE 0 END, 'GBP',
    timestamptz '2022-01-01 00:00:00+00' + make_interval(days => (n / 10 % 1095)::int, secs => n / 10 * 7919 % 86400), 0
FROM (SELECT n, 1 + n / 2 * 104729 % 99991 AS amount FROM generate_series(0::bigint, :LINES - 1) n) line
JOIN chart ON chart.place = (n * 31 + n / 10 * 17) % chart.many;

INSERT INTO account_days (tenant_id, account, currency, day, debit_minor, credit_minor, base_debit_minor, base_credit_minor)
SELECT tenant_id, account, currency, floor(extract(epoch FROM posted_at) / 86400)::bigint,
    sum(debit_minor)::bigint, sum(credit_minor)::bigint, sum(debit_minor)::bigint, sum(credit_minor)::bigint
FROM journal_lines WHERE tx_no = 0 GROUP BY 1, 2, 3, 4
ON CONFLICT (tenant_id, account, currency, day) DO UPDATE SET
    debit_minor = account_days.debit_minor + excluded.debit_minor,
    credit_minor = account_days.credit_minor + excluded.credit_minor,
    base_debit_minor = account_days.base_debit_minor + excluded.base_debit_minor,
    base_credit_minor = account_days.base_credit_minor + excluded.base_credit_minor;
