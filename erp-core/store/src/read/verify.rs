//! Are the books sound? Each rule is one query that finds the rows for which it does not hold.

use cortex_erp::Finding;
use cortex_store::sql::{self, Pool, Transaction};
use sqlx::AssertSqlSafe;

use super::bills::unbilled_now;
use super::carried;
use super::number_series::NUMBERS;
use crate::chain;

/// A rule, and SQL that gives `subject` and `problem` of each violation within tenant `$1`; `{day}` is the day of `posted_at`, `{unbilled}`
/// goods that came before their bill, and `{numbers}` the documents of the tenant by kind and number.
const RULES: [(&str, &str); 20] = [
    (
        "numbers-gapless",
        "SELECT 'numbers ' || s.prefix || ' of ' || s.kind AS subject, \
           'the newest is ' || s.newest || ', but there are ' || count(d.number) || ' documents' AS problem \
         FROM number_counters s LEFT JOIN ({numbers}) d \
         ON d.kind = s.kind AND d.number <> s.prefix AND rtrim(d.number, '0123456789') = s.prefix \
         WHERE s.tenant_id = $1 AND s.kind <> 'stock-adjustment' \
         GROUP BY s.kind, s.prefix, s.newest HAVING count(d.number) <> s.newest",
    ),
    (
        "entry-balanced",
        "SELECT 'journal entry ' || e.number AS subject, \
           'debits are ' || coalesce(sum(l.debit_minor), 0) || ', credits are ' || coalesce(sum(l.credit_minor), 0) \
             || ' (minor units)' AS problem \
         FROM journal_entries e LEFT JOIN journal_lines l ON l.entry_id = e.id \
         WHERE e.tenant_id = $1 GROUP BY e.id, l.currency \
         HAVING coalesce(sum(l.debit_minor), 0) <> coalesce(sum(l.credit_minor), 0) OR count(l.id) < 2",
    ),
    (
        "entry-balanced-in-base",
        "SELECT 'journal entry ' || e.number AS subject, \
           'debits less credits are ' || sum(coalesce(l.base_minor, l.debit_minor - l.credit_minor)) \
             || ' (minor units of the company''s currency)' AS problem \
         FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
         WHERE e.tenant_id = $1 GROUP BY e.id \
         HAVING count(l.base_minor) > 0 AND sum(coalesce(l.base_minor, l.debit_minor - l.credit_minor)) <> 0",
    ),
    (
        "line-is-its-entry-s",
        "SELECT 'a line of journal entry ' || coalesce(e.number, l.entry_id) AS subject, \
           'its tenant or time is not that of its entry, or there is no such entry' AS problem \
         FROM journal_lines l LEFT JOIN journal_entries e ON e.id = l.entry_id \
         WHERE (l.tenant_id = $1 OR e.tenant_id = $1) AND (e.id IS NULL OR l.tenant_id <> e.tenant_id \
           OR l.posted_at <> e.posted_at)",
    ),
    (
        "trial-balance-zero",
        "SELECT 'currency ' || currency AS subject, \
           'debits less credits are ' || sum(debit_minor - credit_minor) || ' (minor units)' AS problem \
         FROM journal_lines WHERE tenant_id = $1 GROUP BY currency HAVING sum(debit_minor - credit_minor) <> 0",
    ),
    (
        "account-is-sum-of-lines",
        "SELECT 'account ' || account || ' in ' || currency || ', day ' || day || ' since 1970' AS subject, \
           'its day and its lines differ by ' || sum(debit_minor) || ' debited and ' || sum(credit_minor) \
             || ' credited (minor units)' AS problem \
         FROM (SELECT account, currency, {day} AS day, debit_minor, credit_minor, \
                 coalesce(base_minor, debit_minor - credit_minor) AS base_minor FROM journal_lines WHERE tenant_id = $1 \
               UNION ALL \
               SELECT account, currency, day, -debit_minor, -credit_minor, base_credit_minor - base_debit_minor \
               FROM account_days WHERE tenant_id = $1) a \
         GROUP BY account, currency, day HAVING sum(debit_minor) <> 0 OR sum(credit_minor) <> 0 OR sum(base_minor) <> 0",
    ),
    (
        "level-is-sum-of-moves",
        "SELECT 'product ' || product_id || ' at ' || location AS subject, \
           'the level and the sum of its moves differ by ' || sum(quantity_micro) || ' (millionths) and ' \
             || sum(value_minor) || ' (minor units)' AS problem \
         FROM (SELECT product_id, location, quantity_micro, value_minor FROM stock_moves WHERE tenant_id = $1 \
               UNION ALL \
               SELECT product_id, location, 0, value_minor FROM stock_revaluations WHERE tenant_id = $1 \
               UNION ALL \
               SELECT product_id, location, -quantity_micro, -value_minor FROM stock_levels WHERE tenant_id = $1) m \
         GROUP BY product_id, location HAVING sum(quantity_micro) <> 0 OR sum(value_minor) <> 0",
    ),
    (
        "revaluation-is-sum-of-changes",
        "SELECT 'product ' || product_id AS subject, \
           'its revaluations and what its moves are worth now differ by ' || sum(value_minor) || ' (minor units)' AS problem \
         FROM (SELECT product_id, value_minor FROM stock_revaluations WHERE tenant_id = $1 \
               UNION ALL \
               SELECT v.product_id, m.value_minor - v.value_minor FROM stock_move_values v \
               JOIN stock_moves m ON m.id = v.move_id WHERE v.tenant_id = $1) r \
         GROUP BY product_id HAVING sum(value_minor) <> 0",
    ),
    (
        "cancelled-moves-are-undone",
        "SELECT c.document_kind || ' ' || c.document_number AS subject, \
           'it was cancelled, but not all of its moves were undone' AS problem \
         FROM stock_moves m JOIN cancellations c ON c.tenant_id = m.tenant_id AND c.document_id = m.document_id \
         LEFT JOIN stock_moves u ON u.of_move = m.id AND u.cost = 'undone' \
         WHERE m.tenant_id = $1 AND NOT c.reversed AND (u.id IS NULL OR u.quantity_micro <> -m.quantity_micro \
           OR u.location <> m.location OR u.moved_at <> m.moved_at)",
    ),
    (
        "reversed-moves-are-taken-back",
        "SELECT c.document_kind || ' ' || c.document_number AS subject, \
           'it was reversed, but not all of its goods went back' AS problem \
         FROM stock_moves m JOIN cancellations c ON c.tenant_id = m.tenant_id AND c.document_id = m.document_id \
         LEFT JOIN stock_moves u ON u.of_move = m.id AND u.document_id = c.id \
         WHERE m.tenant_id = $1 AND c.reversed AND m.quantity_micro <> 0 AND (u.id IS NULL \
           OR u.quantity_micro <> -m.quantity_micro OR u.location <> m.location OR u.moved_at <> c.effective_at)",
    ),
    (
        "inventory-is-stock-value",
        "SELECT 'currency ' || currency AS subject, \
           'the inventory account and the value of stock differ by ' || sum(value_minor) || ' (minor units)' \
             AS problem \
         FROM (SELECT currency, debit_minor - credit_minor AS value_minor FROM journal_lines \
               WHERE tenant_id = $1 AND account = \
                 coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'inventory'), '1200') \
               UNION ALL SELECT currency, -value_minor FROM stock_levels WHERE tenant_id = $1) v \
         GROUP BY currency HAVING sum(value_minor) <> 0",
    ),
    (
        "items-are-control-accounts",
        "SELECT side || ' in ' || currency AS subject, \
           'open items and the control account differ by ' || sum(amount_minor) || ' (minor units)' AS problem \
         FROM (SELECT CASE WHEN account = coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'receivables'), \
                 '1100') THEN 'receivable' ELSE 'payable' END AS side, currency, debit_minor - credit_minor AS amount_minor \
               FROM journal_lines WHERE tenant_id = $1 AND account IN ( \
                 coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'receivables'), '1100'), \
                 coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'payables'), '2000')) \
               UNION ALL SELECT side, currency, -amount_minor FROM open_items WHERE tenant_id = $1) v \
         GROUP BY side, currency HAVING sum(amount_minor) <> 0",
    ),
    (
        "exchange-differences-are-what-was-gained",
        "SELECT min(v.subject) AS subject, \
           'what its allocations gained and its exchange differences differ by ' || sum(v.minor) \
             || ' (minor units of the company''s currency)' AS problem \
         FROM (SELECT document_id, document_kind || ' ' || number AS subject, -gained_minor AS minor FROM allocations \
               WHERE tenant_id = $1 AND gained_minor <> 0 \
               UNION ALL SELECT e.document_id, 'journal entry ' || e.number, l.base_minor \
               FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
               WHERE e.tenant_id = $1 AND e.document_kind = 'exchange-difference' AND l.account IN ( \
                 coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'receivables'), '1100'), \
                 coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'payables'), '2000'))) v \
         GROUP BY v.document_id HAVING sum(v.minor) <> 0",
    ),
    (
        "item-is-open-by-its-allocations",
        "SELECT i.document_kind || ' ' || i.number AS subject, \
           'of ' || i.amount_minor || ', ' || i.open_minor || ' is open, and ' || coalesce(sum(a.settled), 0) \
             || ' settled (minor units)' AS problem \
         FROM open_items i LEFT JOIN ( \
           SELECT debit_item AS item, amount_minor AS settled FROM allocations WHERE tenant_id = $1 \
           UNION ALL SELECT credit_item, -amount_minor FROM allocations WHERE tenant_id = $1) a ON a.item = i.id \
         WHERE i.tenant_id = $1 GROUP BY i.id, i.document_kind, i.number, i.amount_minor, i.open_minor \
         HAVING i.amount_minor - coalesce(sum(a.settled), 0) <> i.open_minor OR abs(i.open_minor) > abs(i.amount_minor) \
           OR (i.open_minor < 0 AND i.amount_minor > 0) OR (i.open_minor > 0 AND i.amount_minor < 0)",
    ),
    (
        "document-has-its-taxes",
        "SELECT d.kind || ' ' || d.number AS subject, \
           'its taxes are ' || coalesce(sum(t.tax_minor), 0) || ', and it says ' || d.tax_minor || ' (minor units)' AS problem \
         FROM (SELECT id, 'invoice' AS kind, number, tax_minor FROM sales_invoices WHERE tenant_id = $1 \
               UNION ALL SELECT id, 'credit note', number, -tax_minor FROM credit_notes WHERE tenant_id = $1 \
               UNION ALL SELECT id, 'purchase bill', number, tax_minor FROM purchase_bills WHERE tenant_id = $1 \
               UNION ALL SELECT id, 'purchase receipt', number, tax_minor FROM purchase_receipts WHERE tenant_id = $1) d \
         LEFT JOIN document_taxes t ON t.tenant_id = $1 AND t.document_id = d.id \
         GROUP BY d.id, d.kind, d.number, d.tax_minor HAVING coalesce(sum(t.tax_minor), 0) <> d.tax_minor",
    ),
    (
        "document-is-sum-of-lines",
        "SELECT 'invoice ' || i.number AS subject, 'its net or line count is not that of its lines' AS problem \
         FROM sales_invoices i LEFT JOIN sales_invoice_lines l ON l.invoice_id = i.id \
         WHERE i.tenant_id = $1 GROUP BY i.id \
         HAVING coalesce(sum(l.net_minor), 0) <> i.net_minor OR count(l.id) <> i.line_count \
         UNION ALL \
         SELECT 'credit note ' || n.number, 'its net or line count is not that of its lines' \
         FROM credit_notes n LEFT JOIN credit_note_lines l ON l.credit_note_id = n.id \
         WHERE n.tenant_id = $1 GROUP BY n.id \
         HAVING coalesce(sum(l.net_minor), 0) <> n.net_minor OR count(l.id) <> n.line_count \
         UNION ALL \
         SELECT 'purchase bill ' || b.number, 'its net or line count is not that of its lines' \
         FROM purchase_bills b LEFT JOIN purchase_bill_lines l ON l.bill_id = b.id \
         WHERE b.tenant_id = $1 GROUP BY b.id \
         HAVING coalesce(sum(l.net_minor), 0) <> b.net_minor OR count(l.id) <> b.line_count",
    ),
    (
        "document-has-its-entry",
        "SELECT d.kind || ' ' || d.number AS subject, 'it comes to an amount, but has no journal entry' AS problem \
         FROM (SELECT id, 'invoice' AS kind, number FROM sales_invoices WHERE tenant_id = $1 AND net_minor <> 0 \
               UNION ALL SELECT id, 'credit note', number FROM credit_notes WHERE tenant_id = $1 AND net_minor <> 0 \
               UNION ALL SELECT id, 'purchase receipt', number FROM purchase_receipts \
                 WHERE tenant_id = $1 AND value_minor <> 0 \
               UNION ALL SELECT id, 'purchase bill', number FROM purchase_bills WHERE tenant_id = $1 AND net_minor <> 0 \
               UNION ALL SELECT id, 'payment', number FROM payments WHERE tenant_id = $1) d \
         LEFT JOIN journal_entries e ON e.document_id = d.id WHERE e.id IS NULL",
    ),
    (
        "goods-have-their-moves",
        "SELECT 'document ' || document_id AS subject, 'its goods and its stock moves differ' AS problem \
         FROM (SELECT l.invoice_id AS document_id, l.quantity_micro FROM sales_invoice_lines l \
                 JOIN sales_invoices i ON i.id = l.invoice_id \
                 WHERE l.tenant_id = $1 AND l.product_kind = 'goods' AND i.order_number IS NULL \
               UNION ALL SELECT document_id, quantity_micro FROM order_progress \
                 WHERE tenant_id = $1 AND step = 'moved' AND quantity_micro > 0 AND document_kind IN ('sales-invoice', 'delivery') \
               UNION ALL SELECT credit_note_id, -quantity_micro FROM credit_note_lines \
                 WHERE tenant_id = $1 AND product_kind = 'goods' AND reason = 'return' \
               UNION ALL SELECT receipt_id, -quantity_micro FROM purchase_receipt_lines WHERE tenant_id = $1 \
               UNION ALL SELECT document_id, quantity_micro FROM stock_moves \
                 WHERE tenant_id = $1 AND document_kind IN ('sales-invoice', 'delivery', 'credit-note', 'purchase-receipt')) q \
         GROUP BY document_id HAVING sum(quantity_micro) <> 0",
    ),
    (
        "order-line-is-its-progress",
        "SELECT o.kind || ' ' || o.number || ', line ' || l.line_no AS subject, \
           'what was reserved, moved or billed of it is not what its documents say' AS problem \
         FROM order_lines l JOIN orders o ON o.id = l.order_id LEFT JOIN ( \
           SELECT order_line_id, sum(CASE step WHEN 'reserved' THEN quantity_micro ELSE 0 END) AS reserved, \
             sum(CASE step WHEN 'moved' THEN quantity_micro ELSE 0 END) AS moved, \
             sum(CASE step WHEN 'billed' THEN quantity_micro ELSE 0 END) AS billed \
           FROM order_progress WHERE tenant_id = $1 GROUP BY order_line_id) p ON p.order_line_id = l.id \
         WHERE l.tenant_id = $1 AND (coalesce(p.reserved, 0) <> l.reserved_micro OR coalesce(p.moved, 0) <> l.moved_micro \
           OR coalesce(p.billed, 0) <> l.billed_micro OR l.reserved_micro < 0 OR l.moved_micro < 0 OR l.billed_micro < 0 \
           OR l.moved_micro > l.quantity_micro OR l.billed_micro > l.quantity_micro \
           OR l.reserved_micro > l.quantity_micro - l.moved_micro)",
    ),
    (
        "goods-received-are-unbilled",
        "SELECT 'currency ' || currency AS subject, \
           'goods that came and are not billed differ from their account by ' || sum(minor) || ' (minor units)' AS problem \
         FROM (SELECT l.currency, l.debit_minor - l.credit_minor AS minor FROM journal_lines l \
               JOIN journal_entries e ON e.id = l.entry_id WHERE l.tenant_id = $1 \
                 AND l.account = coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'goods-received'), '2100') \
                 AND e.document_kind NOT IN ('journal-entry', 'opening-balance') AND NOT EXISTS ( \
                   SELECT 1 FROM cancellations c WHERE c.id = e.document_id AND c.document_kind = 'opening-balance') \
               UNION ALL \
               SELECT m.currency, m.given_minor - coalesce(r.given, 0) - coalesce(b.cleared, 0) {unbilled}) g \
         GROUP BY currency HAVING sum(minor) <> 0",
    ),
];

const FINDINGS_PER_RULE_MAX: usize = 100;

pub(super) async fn verify(readers: &Pool, tenant: &str) -> Result<Vec<Finding>, sqlx::Error> {
    let mut findings = Vec::new();
    // One connection and one transaction: all rules look at the same books.
    let mut snapshot = readers.snapshot().await?;
    let day = match snapshot {
        Transaction::Sqlite(_) => "(posted_at - (posted_at % 86400000000 + 86400000000) % 86400000000) / 86400000000",
        Transaction::Postgres(_) => "CAST(floor(extract(epoch FROM posted_at) / 86400) AS BIGINT)",
    };
    for (rule, sql) in RULES {
        let sql = sql.replace("{day}", day).replace("{unbilled}", &unbilled_now());
        for row in sql::query(AssertSqlSafe(sql.replace("{numbers}", NUMBERS)))
            .bind(tenant)
            .fetch_all(&mut snapshot)
            .await?
            .iter()
            .take(FINDINGS_PER_RULE_MAX)
        {
            findings.push(Finding {
                rule: rule.to_owned(),
                subject: row.try_get("subject")?,
                problem: row.try_get("problem")?,
            });
        }
    }
    findings.extend(carried::findings(&mut snapshot, tenant, "items-are-control-accounts-in-base").await?);
    findings.extend(chain::broken(&mut snapshot, tenant).await?);
    snapshot.rollback().await?;
    Ok(findings)
}
