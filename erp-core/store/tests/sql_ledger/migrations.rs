//! A database from before keeps what it holds.

use std::sync::Arc;

use cortex_erp::{Account, Closings, Page, Records, Span};
use cortex_erp_store::{MIGRATIONS, SqlLedger};
use cortex_store::testing::Scratch;
use cortex_store::{Known, MigrationSet, sql};
use cortex_types::{JournalEntryId, JournalLineId, SystemClock, Timestamp};

use crate::company::tenant;

#[tokio::test]
async fn entries_of_every_version_are_there_after_the_migrations() {
    for version in 1..MIGRATIONS.migrations.len() {
        let (before, _) = MIGRATIONS.migrations.split_at(version);
        let before = MigrationSet {
            migrations: before,
            posted: &[],
            ..MIGRATIONS
        };
        let scratch = Scratch::new().await;
        let database = scratch.open(&[before], Arc::new(SystemClock)).await;
        let mut write = database.begin().await.unwrap();
        let ctx = tenant("acme");
        let tx_no = write.transaction(&ctx, Known::ByClock).await.unwrap().cast_signed();
        let (entry, at) = (
            JournalEntryId::new().to_string(),
            "2011-01-31".parse::<Timestamp>().unwrap(),
        );
        sql::query(
            "INSERT INTO journal_entries (id, tenant_id, number, document_kind, document_id, memo, currency, posted_at, \
             tx_no) VALUES ($1, 'acme', 'J-000001', 'journal-entry', $1, 'old', 'GBP', $2, $3)",
        )
        .bind(&entry)
        .bind(at)
        .bind(tx_no)
        .execute(write.connection())
        .await
        .unwrap();
        for (line_no, account, debit, credit) in [(1_i64, "1000", 700_i64, 0_i64), (2, "4000", 0, 700)] {
            sql::query(
                "INSERT INTO journal_lines (id, tenant_id, entry_id, line_no, account, debit_minor, credit_minor, \
                 currency, posted_at, tx_no) VALUES ($1, 'acme', $2, $3, $4, $5, $6, 'GBP', $7, $8)",
            )
            .bind(JournalLineId::new().to_string())
            .bind(&entry)
            .bind(line_no)
            .bind(account)
            .bind(debit)
            .bind(credit)
            .bind(at)
            .bind(tx_no)
            .execute(write.connection())
            .await
            .unwrap();
        }
        write.commit().await.unwrap();
        database.close().await;

        let database = scratch.open(&[MIGRATIONS], Arc::new(SystemClock)).await;
        let ledger = SqlLedger::new(database);
        let sales = Account::find("4000").unwrap();
        let lines = ledger
            .general_ledger(&ctx, sales, Span::default(), &Page::default())
            .await
            .unwrap();
        assert_eq!(lines.lines.len(), 1, "from version {version}");
        assert_eq!((lines.lines[0].credit_minor, lines.lines[0].posted_at), (700, at));
        let day = Span::new(Some("2011-01-31"), Some("2011-01-31")).unwrap();
        let balances = ledger.trial_balance(&ctx, day, Closings::Counted).await.unwrap();
        assert_eq!(
            balances.iter().map(|of| of.balance_minor()).collect::<Vec<_>>(),
            [700, -700]
        );
    }
}
