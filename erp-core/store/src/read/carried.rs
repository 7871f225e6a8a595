//! What control accounts are worth in the company's currency by items in other ones.

use std::collections::{BTreeMap, BTreeSet};

use cortex_erp::{Books, Carried, Finding, ItemSide, open_base};
use cortex_store::sql::{self, Row, Transaction};
use cortex_types::{Currency, Timestamp};
use sqlx::AssertSqlSafe;

use super::open_items::settled_since;
use crate::rows::Columns;

/// What of an item is open, at what it was worth when it was posted.
fn open_in_base(row: &Row) -> Result<i64, sqlx::Error> {
    let (amount_minor, open_minor) = (row.integer("amount_minor")?, row.integer("open_minor")?);
    let open = open_base(row.integer("base_minor")?, open_minor, amount_minor);
    open.map_err(|error| sqlx::Error::Decode(error.into()))
}

/// What control accounts were worth before a time by what was open then, and by what revaluations take back later.
pub(super) async fn before(
    on: &mut Transaction,
    tenant: &str,
    time: Timestamp,
    books: &Books,
) -> Result<Vec<Carried>, sqlx::Error> {
    let Some(base) = books.base() else {
        return Ok(Vec::new());
    };
    let settled = settled_since("$2");
    let wanted = "i.tenant_id = $1 AND i.posted_at < $2 AND i.currency <> $3 AND l.base_minor IS NOT NULL";
    let open = format!(
        "SELECT i.side, i.currency, i.amount_minor, l.base_minor, i.open_minor + coalesce(s.amount_minor, 0) AS open_minor, \
           CAST(CASE WHEN s.id IS NULL THEN 0 ELSE 1 END AS BIGINT) AS settled_later \
         FROM open_items i JOIN journal_lines l ON l.id = i.id LEFT JOIN ({settled}) s ON s.id = i.id \
         WHERE {wanted} AND i.open_minor <> 0 \
         UNION ALL SELECT i.side, i.currency, i.amount_minor, l.base_minor, s.amount_minor, CAST(1 AS BIGINT) \
         FROM ({settled}) s JOIN open_items i ON i.id = s.id JOIN journal_lines l ON l.id = i.id \
         WHERE {wanted} AND i.open_minor = 0"
    );
    let open = sql::query(AssertSqlSafe(open))
        .bind(tenant)
        .bind(time)
        .bind(base.as_str())
        .fetch_all(&mut *on)
        .await?;
    let mut carried = Vec::new();
    for row in &open {
        carried.push(Carried {
            side: row.word("side", &ItemSide::ALL, ItemSide::as_str)?,
            currency: row.parsed("currency")?,
            items_minor: open_in_base(row)?,
            rounded_minor: row.integer("settled_later")?,
            taken_back_minor: 0,
        });
    }
    // A reversal belongs to what it takes back.
    let later = "SELECT l.account, l.currency, CAST(sum(l.base_minor) AS BIGINT) AS base_minor \
                 FROM journal_entries e JOIN journal_lines l ON l.entry_id = e.id \
                 WHERE e.tenant_id = $1 AND e.document_kind = 'exchange-revaluation' AND e.posted_at < $2 \
                   AND EXISTS (SELECT 1 FROM journal_entries r WHERE r.document_id = e.document_id AND r.posted_at >= $2) \
                   AND l.account IN ($3, $4) GROUP BY l.account, l.currency";
    let controls = ItemSide::ALL.map(|side| (side, books.chart.of(side.role())));
    let mut query = sql::query(later).bind(tenant).bind(time);
    for (_, account) in &controls {
        query = query.bind(&***account);
    }
    for row in &query.fetch_all(on).await? {
        let account = row.text("account")?;
        let sides = controls.iter().filter(|(_, code)| **code == account);
        for (side, _) in sides {
            carried.push(Carried {
                side: *side,
                currency: row.parsed("currency")?,
                items_minor: 0,
                rounded_minor: 0,
                taken_back_minor: row.integer("base_minor")?,
            });
        }
    }
    Ok(carried)
}

/// Control accounts that are not worth what is open, revaluations left out; but where something was settled before settlements posted
/// what they gained.
pub(super) async fn findings(on: &mut Transaction, tenant: &str, rule: &str) -> Result<Vec<Finding>, sqlx::Error> {
    let key = |row: &Row| {
        Ok::<_, sqlx::Error>((
            row.word("side", &ItemSide::ALL, ItemSide::as_str)?,
            row.parsed("currency")?,
        ))
    };
    let before = "SELECT DISTINCT i.side, i.currency FROM allocations a JOIN open_items i ON i.id = a.debit_item \
                  JOIN journal_lines l ON l.id = i.id \
                  WHERE a.tenant_id = $1 AND a.gained_minor IS NULL AND l.base_minor IS NOT NULL";
    let before = sql::query(before).bind(tenant).fetch_all(&mut *on).await?;
    let before: BTreeSet<(ItemSide, Currency)> = before.iter().map(key).collect::<Result<_, _>>()?;
    let accounts = "SELECT side, currency, CAST(sum(base_minor) AS BIGINT) AS base_minor FROM ( \
                      SELECT CASE WHEN l.account = coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'receivables'), \
                        '1100') THEN 'receivable' ELSE 'payable' END AS side, l.currency, l.base_minor \
                      FROM journal_lines l JOIN journal_entries e ON e.id = l.entry_id \
                      WHERE l.tenant_id = $1 AND l.base_minor IS NOT NULL AND e.document_kind <> 'exchange-revaluation' \
                        AND l.account IN (coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'receivables'), '1100'), \
                          coalesce((SELECT code FROM accounts WHERE tenant_id = $1 AND role = 'payables'), '2000'))) v \
                    GROUP BY side, currency";
    let mut differences: BTreeMap<(ItemSide, Currency), i64> = BTreeMap::new();
    for row in &sql::query(accounts).bind(tenant).fetch_all(&mut *on).await? {
        *differences.entry(key(row)?).or_default() += row.integer("base_minor")?;
    }
    let items = "SELECT i.side, i.currency, i.amount_minor, i.open_minor, l.base_minor FROM open_items i \
                 JOIN journal_lines l ON l.id = i.id \
                 WHERE i.tenant_id = $1 AND i.open_minor <> 0 AND l.base_minor IS NOT NULL";
    for row in &sql::query(items).bind(tenant).fetch_all(on).await? {
        *differences.entry(key(row)?).or_default() -= open_in_base(row)?;
    }
    let wrong = differences
        .into_iter()
        .filter(|(key, minor)| *minor != 0 && !before.contains(key));
    let finding = |((side, currency), minor): ((ItemSide, Currency), i64)| Finding {
        rule: rule.to_owned(),
        subject: format!("{} in {currency}", side.as_str()),
        problem: format!(
            "what is open and the control account differ by {minor} (minor units of the company's currency), revaluations left out"
        ),
    };
    Ok(wrong.map(finding).collect())
}
