//! Fiscal years and periods as they are after the group.

use cortex_erp::postings::Document;
use cortex_erp::{FiscalPeriod, FiscalYear};
use cortex_store::{StoreError, WriteTransaction, sql};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    // One by one and in order: a group may close what it opens.
    for command in numbered {
        match &command.accepted.postings.document {
            Document::FiscalYear(year) => {
                save_year(transaction, command, year).await?;
                save_periods(transaction, command, year, &year.periods).await?;
            }
            Document::FiscalPeriod(period) => {
                sql::query("UPDATE fiscal_periods SET state = $1, tx_no = $2 WHERE tenant_id = $3 AND id = $4")
                    .bind(period.state.as_str())
                    .bind(command.tx_no)
                    .bind(command.tenant)
                    .bind(id(period.id.0))
                    .execute(transaction.connection())
                    .await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn save_year(
    transaction: &mut WriteTransaction,
    command: &Numbered<'_>,
    year: &FiscalYear,
) -> Result<(), StoreError> {
    let columns = ["id", "tenant_id", "code", "starts_at", "ends_before", "closed", "tx_no"];
    transaction
        .upsert_rows("fiscal_years", (&columns, 1), &[year], |row, year| {
            row.bind(id(year.id.0)).bind(command.tenant).bind(&*year.code);
            row.bind(year.from)
                .bind(year.before)
                .bind(year.closed)
                .bind(command.tx_no);
        })
        .await
}

async fn save_periods(
    transaction: &mut WriteTransaction,
    command: &Numbered<'_>,
    year: &FiscalYear,
    periods: &[FiscalPeriod],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "year_id",
        "code",
        "starts_at",
        "ends_before",
        "state",
        "tx_no",
    ];
    transaction
        .upsert_rows("fiscal_periods", (&columns, 1), periods, |row, period| {
            row.bind(id(period.id.0)).bind(command.tenant).bind(id(year.id.0));
            row.bind(&*period.code).bind(period.from).bind(period.before);
            row.bind(period.state.as_str()).bind(command.tx_no);
        })
        .await
}
