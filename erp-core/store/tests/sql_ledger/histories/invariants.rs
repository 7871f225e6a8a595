//! What is true of the books after whatever was done, asked of the rows themselves: nothing of the program's own check is used.

use std::collections::BTreeMap;

use cortex_erp::{AccountBalance, Closings, ItemSide, Page, Records, Role, Span, TaxDirection};
use cortex_store::sql::{self, Pool};
use cortex_types::{Currency, RequestContext, Timestamp};
use sqlx::AssertSqlSafe;

use crate::company::Company;

/// What must not be, and a query that counts where it is, within tenant `$1`; `{inventory}` and others are codes of accounts.
const NEVER: [(&str, &str); 12] = [
    (
        "an entry whose debits are not its credits",
        "SELECT entry_id FROM journal_lines WHERE tenant_id = $1 GROUP BY entry_id, currency \
         HAVING sum(debit_minor) <> sum(credit_minor)",
    ),
    (
        "an entry that does not balance in the company's currency",
        "SELECT entry_id FROM journal_lines WHERE tenant_id = $1 GROUP BY entry_id \
         HAVING count(base_minor) > 0 AND sum(coalesce(base_minor, debit_minor - credit_minor)) <> 0",
    ),
    (
        "a currency in which debits are not credits",
        "SELECT currency FROM journal_lines WHERE tenant_id = $1 GROUP BY currency \
         HAVING sum(debit_minor) <> sum(credit_minor)",
    ),
    (
        "stock that is not the sum of its moves",
        "SELECT product_id FROM (SELECT product_id, location, quantity_micro FROM stock_moves WHERE tenant_id = $1 \
           UNION ALL SELECT product_id, location, -quantity_micro FROM stock_levels WHERE tenant_id = $1) m \
         GROUP BY product_id, location HAVING sum(quantity_micro) <> 0",
    ),
    (
        "stock that is not worth what its account says",
        "SELECT currency FROM (SELECT currency, debit_minor - credit_minor AS minor FROM journal_lines \
             WHERE tenant_id = $1 AND account = {inventory} \
           UNION ALL SELECT currency, -value_minor FROM stock_levels WHERE tenant_id = $1) v \
         GROUP BY currency HAVING sum(minor) <> 0",
    ),
    (
        "less than nothing where that is refused, at any time",
        "SELECT product_id FROM (SELECT m.product_id, sum(m.quantity_micro) OVER \
             (PARTITION BY m.product_id, m.location ORDER BY m.moved_at) AS held \
           FROM stock_moves m JOIN locations l ON l.tenant_id = m.tenant_id AND l.code = m.location \
           WHERE m.tenant_id = $1 AND l.negative_stock = 'refuse') t WHERE held < 0",
    ),
    (
        "more set aside than there is, where that is refused",
        "SELECT r.product_id FROM (SELECT product_id, location, sum(reserved_micro) AS reserved FROM order_lines \
           WHERE tenant_id = $1 AND reserved_micro <> 0 GROUP BY product_id, location) r \
         JOIN locations p ON p.tenant_id = $1 AND p.code = r.location AND p.negative_stock = 'refuse' \
         LEFT JOIN stock_levels l ON l.tenant_id = $1 AND l.product_id = r.product_id AND l.location = r.location \
         WHERE r.reserved > coalesce(l.quantity_micro, 0)",
    ),
    (
        "open items that are not what the control accounts say",
        "SELECT currency FROM (SELECT CASE WHEN account = {receivables} THEN 'receivable' ELSE 'payable' END AS side, \
             currency, debit_minor - credit_minor AS minor FROM journal_lines \
             WHERE tenant_id = $1 AND account IN ({receivables}, {payables}) \
           UNION ALL SELECT side, currency, -amount_minor FROM open_items WHERE tenant_id = $1) v \
         GROUP BY side, currency HAVING sum(minor) <> 0",
    ),
    (
        "a control account that is not worth what its open items were worth, revaluations left out",
        "SELECT currency FROM (SELECT CASE WHEN l.account = {receivables} THEN 'receivable' ELSE 'payable' END AS side, \
             l.currency, l.base_minor AS minor FROM journal_lines l JOIN journal_entries e ON e.id = l.entry_id \
             WHERE l.tenant_id = $1 AND l.account IN ({receivables}, {payables}) AND l.base_minor IS NOT NULL \
               AND e.document_kind <> 'exchange-revaluation' \
           UNION ALL SELECT side, currency, -whole - CASE WHEN 2 * rest > amount OR (2 * rest = amount AND whole % 2 = 1) \
               THEN 1 ELSE 0 END FROM (SELECT i.side, i.currency, abs(i.amount_minor) AS amount, \
                 l.base_minor * abs(i.open_minor) / abs(i.amount_minor) AS whole, \
                 l.base_minor * abs(i.open_minor) % abs(i.amount_minor) AS rest \
               FROM open_items i JOIN journal_lines l ON l.id = i.id WHERE i.tenant_id = $1 AND l.base_minor > 0) debits \
           UNION ALL SELECT side, currency, whole + CASE WHEN 2 * rest > amount OR (2 * rest = amount AND whole % 2 = 1) \
               THEN 1 ELSE 0 END FROM (SELECT i.side, i.currency, abs(i.amount_minor) AS amount, \
                 -l.base_minor * abs(i.open_minor) / abs(i.amount_minor) AS whole, \
                 -l.base_minor * abs(i.open_minor) % abs(i.amount_minor) AS rest \
               FROM open_items i JOIN journal_lines l ON l.id = i.id WHERE i.tenant_id = $1 AND l.base_minor < 0) credits) v \
         GROUP BY side, currency HAVING sum(minor) <> 0",
    ),
    (
        "a revaluation of what parties owe that was not taken back for good",
        "SELECT l.account FROM journal_lines l JOIN journal_entries e ON e.id = l.entry_id \
         WHERE l.tenant_id = $1 AND l.account IN ({receivables}, {payables}) AND e.document_kind = 'exchange-revaluation' \
         GROUP BY l.account, l.currency HAVING sum(l.base_minor) <> 0",
    ),
    (
        "what a document gained that is not what its settlements gained",
        "SELECT document_id FROM (SELECT document_id, -gained_minor AS minor FROM allocations \
             WHERE tenant_id = $1 AND gained_minor IS NOT NULL \
           UNION ALL SELECT e.document_id, l.base_minor FROM journal_lines l JOIN journal_entries e ON e.id = l.entry_id \
             WHERE l.tenant_id = $1 AND l.account IN ({receivables}, {payables}) \
               AND e.document_kind = 'exchange-difference') v \
         GROUP BY document_id HAVING sum(minor) <> 0",
    ),
    (
        "an item of which more or less is open than was not settled",
        "SELECT id FROM (SELECT id, amount_minor - open_minor AS minor FROM open_items WHERE tenant_id = $1 \
           UNION ALL SELECT debit_item, -amount_minor FROM allocations WHERE tenant_id = $1 \
           UNION ALL SELECT credit_item, amount_minor FROM allocations WHERE tenant_id = $1) v \
         GROUP BY id HAVING sum(minor) <> 0",
    ),
];

/// What holds after every single command.
pub async fn hold(company: &Company, ctx: &RequestContext) {
    let chart = company.ledger.chart(ctx).await.unwrap();
    let coded = |sql: &str| {
        let code = |role| format!("'{}'", chart.of(role));
        sql.replace("{inventory}", &code(Role::Inventory))
            .replace("{receivables}", &code(Role::Receivables))
            .replace("{payables}", &code(Role::Payables))
    };
    for (what, sql) in NEVER {
        let found = count(&company.database.readers_of(&ctx.tenant), ctx, &coded(sql)).await;
        assert_eq!(found, 0, "{}: {what}", ctx.tenant);
    }
}

async fn count(readers: &Pool, ctx: &RequestContext, sql: &str) -> i64 {
    let count = AssertSqlSafe(format!("SELECT count(*) FROM ({sql}) never"));
    let count = sql::query_scalar(count).bind(ctx.tenant.as_str());
    count.fetch_one(readers).await.unwrap()
}

/// By currency, without those that come to nothing.
type Sums = BTreeMap<Currency, i64>;

fn sums(parts: impl Iterator<Item = (Currency, i64)>) -> Sums {
    let mut sums = Sums::new();
    for (currency, minor) in parts {
        *sums.entry(currency).or_default() += minor;
    }
    sums.retain(|_, minor| *minor != 0);
    sums
}

/// What reports say as of a time, against what the accounts say as of the same.
pub async fn hold_as_of(company: &Company, ctx: &RequestContext, before: Timestamp) {
    let ledger = &company.ledger;
    let chart = ledger.chart(ctx).await.unwrap();
    let span = Span {
        from: None,
        before: Some(before),
    };
    let balances = ledger.trial_balance(ctx, span, Closings::Counted).await.unwrap();
    let of = |role: Role| {
        let account = chart.of(role);
        let of_account = balances.iter().filter(move |balance| balance.account == *account);
        sums(of_account.map(|balance| (balance.currency, balance.balance_minor())))
    };
    let base: i64 = balances.iter().map(AccountBalance::base_balance_minor).sum();
    assert_eq!(base, 0, "{}: the trial balance before {before}", ctx.tenant);

    let stock = ledger
        .stock_on_hand(ctx, Some(before), &Page::new(None, 500))
        .await
        .unwrap();
    let stock = sums(stock.iter().map(|row| (row.currency, row.value_minor)));
    assert_eq!(stock, of(Role::Inventory), "{}: stock before {before}", ctx.tenant);

    for side in ItemSide::ALL {
        let ageing = ledger.ageing(ctx, side, before, &[30, 60]).await.unwrap();
        let ageing = sums(ageing.iter().map(|of| (of.currency, of.total_minor)));
        assert_eq!(ageing, of(side.role()), "{}: {side:?} before {before}", ctx.tenant);
    }
    for direction in TaxDirection::ALL {
        let totals = ledger.tax_totals(ctx, span).await.unwrap();
        let charged = totals.iter().filter(|total| total.direction == direction);
        let sign = if direction == TaxDirection::Output { -1 } else { 1 };
        let charged = sums(charged.map(|total| (total.currency, sign * total.tax_minor)));
        assert_eq!(
            charged,
            of(direction.role()),
            "{}: {direction:?} before {before}",
            ctx.tenant
        );
    }
}
