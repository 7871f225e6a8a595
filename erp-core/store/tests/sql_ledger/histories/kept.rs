//! What the tables hold, remembered as one number for each row.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use cortex_erp_store::MIGRATIONS;
use cortex_store::sql::{self, Instant, Row};
use cortex_store::{ColumnKind, TableColumn, table_columns};
use futures::TryStreamExt;
use sqlx::AssertSqlSafe;

use crate::company::Company;

/// Kept beside the books, and no part of any stream of changes.
const BESIDE: [&str; 5] = [
    "account_days",
    "number_counters",
    "fiscal_periods",
    "fiscal_years",
    "stock_levels",
];

/// The rows of each table.
pub struct Kept(BTreeMap<&'static str, HashSet<u64>>);

impl Kept {
    /// Of everybody.
    pub async fn of(company: &Company) -> Self {
        let mut tables = BTreeMap::new();
        for table in MIGRATIONS.captured.iter().chain(MIGRATIONS.posted).chain(&BESIDE) {
            if !tables.contains_key(table) {
                tables.insert(*table, rows(company, table).await);
            }
        }
        Self(tables)
    }

    pub fn rows(&self) -> usize {
        self.0.values().map(HashSet::len).sum()
    }

    /// Everything that was posted by then is there still, as it was; what became of others does not matter.
    pub fn is_still_in(&self, now: &Self) {
        for table in MIGRATIONS.posted {
            let gone = self.0[table].difference(&now.0[table]).count();
            assert_eq!(gone, 0, "{table}: rows that were posted are changed, or gone");
        }
    }

    /// Nothing at all has changed.
    pub fn is_the_same_as(&self, now: &Self) {
        for (table, rows) in &self.0 {
            assert!(*rows == now.0[table], "{table}: something has changed");
        }
    }
}

async fn rows(company: &Company, table: &str) -> HashSet<u64> {
    let columns = table_columns(company.database.readers(), table).await.unwrap();
    let (mut count, mut hashes) = (0, HashSet::new());
    for tenant in company.tenants().await {
        let select = sql::query(AssertSqlSafe(format!("SELECT * FROM {table} WHERE tenant_id = $1")));
        let readers = company.database.readers_of(&tenant);
        let rows = select.bind(tenant.as_str()).fetch(&readers);
        let of_tenant: Vec<u64> = rows
            .map_ok(|row| hash(&row, &columns).unwrap())
            .try_collect()
            .await
            .unwrap();
        count += of_tenant.len();
        hashes.extend(of_tenant);
    }
    assert_eq!(hashes.len(), count, "{table}: two rows look the same");
    hashes
}

fn hash(row: &Row, columns: &[TableColumn]) -> Result<u64, sqlx::Error> {
    let mut hasher = DefaultHasher::new();
    for TableColumn { name, kind } in columns {
        match kind {
            ColumnKind::Text => row.try_get::<Option<String>>(name)?.hash(&mut hasher),
            ColumnKind::Integer => row.try_get::<Option<i64>>(name)?.hash(&mut hasher),
            ColumnKind::Double => row.try_get::<Option<f64>>(name)?.map(f64::to_bits).hash(&mut hasher),
            ColumnKind::Boolean => row.try_get::<Option<bool>>(name)?.hash(&mut hasher),
            ColumnKind::Timestamp => {
                let at = row.try_get::<Option<Instant>>(name)?;
                at.map(|at| at.0.micros()).hash(&mut hasher);
            }
        }
    }
    Ok(hasher.finish())
}
