//! A database from before keeps what it holds.

use std::sync::Arc;

use cortex_erp::{Closings, Command, Erp, ErpConfig, Known as CommandKnown, Page, Records, Span};
use cortex_erp_store::{MIGRATIONS, SqlLedger};
use cortex_store::testing::Scratch;
use cortex_store::{Known, MigrationSet, WriteTransaction, sql};
use cortex_types::{
    JournalEntryId, JournalLineId, PartyId, ProductId, RequestContext, StockMoveId, SystemClock, Timestamp,
};
use sqlx::AssertSqlSafe;

use crate::company::{PIECE, key, receive, tenant};

#[tokio::test]
async fn entries_of_every_version_are_there_after_the_migrations() {
    for version in 1..MIGRATIONS.migrations.len() {
        let (before, _) = MIGRATIONS.migrations.split_at(version);
        let before = MigrationSet {
            migrations: before,
            captured: &["journal_entries", "journal_lines"],
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
             tx_no) VALUES ($1, 'acme', 'OLD-1', 'journal-entry', $1, 'old', 'GBP', $2, $3)",
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
            if version >= WITH_ACCOUNT_DAYS {
                sql::query(
                    "INSERT INTO account_days (tenant_id, account, currency, day, debit_minor, credit_minor) \
                     VALUES ('acme', $1, 'GBP', $2, $3, $4)",
                )
                .bind(account)
                .bind(at.micros() / 86_400_000_000)
                .bind(debit)
                .bind(credit)
                .execute(write.connection())
                .await
                .unwrap();
            }
        }
        stock(&mut write, tx_no, version).await;
        write.commit().await.unwrap();
        database.close().await;

        let database = scratch.open(&[MIGRATIONS], Arc::new(SystemClock)).await;
        let ledger = SqlLedger::new(database);
        let sales = "4000";
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
        revalued(&ledger, &ctx).await;
    }
}

const WITH_ACCOUNT_DAYS: usize = 6;
const WITH_VALUATION: usize = 7;

/// Four mugs that were sold before ten came for 10.00: what the four cost left with the receipt.
async fn stock(write: &mut WriteTransaction, tx_no: i64, version: usize) {
    let (product, supplier) = (ProductId::new().to_string(), PartyId::new().to_string());
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    sql::query(
        "INSERT INTO products (id, tenant_id, code, description, kind, unit, currency, created_at, tx_no) \
         VALUES ($1, 'acme', 'MUG', 'a mug', 'goods', 'EA', 'GBP', $2, $3)",
    )
    .bind(&product)
    .bind(at("2011-01-01"))
    .bind(tx_no)
    .execute(write.connection())
    .await
    .unwrap();
    sql::query(
        "INSERT INTO parties (id, tenant_id, code, kind, country, created_at, tx_no) \
         VALUES ($1, 'acme', 'S1', 'supplier', 'France', $2, $3)",
    )
    .bind(&supplier)
    .bind(at("2011-01-01"))
    .bind(tx_no)
    .execute(write.connection())
    .await
    .unwrap();
    let (moves, columns, values) = match version >= WITH_VALUATION {
        false => (
            vec![
                ("2011-01-05", -4 * PIECE, 0_i64, "sale"),
                ("2011-01-10", 10 * PIECE, 1000, "receipt"),
                ("2011-01-10", 0, -400, "sale"),
            ],
            "",
            "",
        ),
        true => (
            vec![
                ("2011-01-05", -4 * PIECE, 0_i64, "sale"),
                ("2011-01-10", 10 * PIECE, 600, "receipt"),
            ],
            ", line_no, cost, given_minor",
            ", 1, CASE $5 WHEN 'sale' THEN 'by_method' ELSE 'given' END, CASE $5 WHEN 'sale' THEN NULL ELSE 1000 END",
        ),
    };
    for (day, quantity, value, reason) in moves {
        sql::query(AssertSqlSafe(format!(
            "INSERT INTO stock_moves (id, tenant_id, product_id, product_code, location, quantity_micro, value_minor, \
             currency, reason, document_kind, document_id, moved_at, tx_no{columns}) \
             VALUES ($1, 'acme', $2, 'MUG', 'main', $3, $4, 'GBP', $5, 'purchase-receipt', $8, $6, $7{values})"
        )))
        .bind(StockMoveId::new().to_string())
        .bind(&product)
        .bind(quantity)
        .bind(value)
        .bind(reason)
        .bind(at(day))
        .bind(tx_no)
        .bind(format!("00000000-0000-7000-8000-0000{}", day.replace('-', "")))
        .execute(write.connection())
        .await
        .unwrap();
    }
    sql::query(
        "INSERT INTO stock_levels (tenant_id, product_id, location, currency, quantity_micro, value_minor, \
         cost_value_minor, cost_quantity_micro) VALUES ('acme', $1, 'main', 'GBP', $2, 600, 1000, $3)",
    )
    .bind(&product)
    .bind(6 * PIECE)
    .bind(10 * PIECE)
    .execute(write.connection())
    .await
    .unwrap();
    if version >= WITH_VALUATION {
        sql::query("UPDATE stock_levels SET newest_at = $1")
            .bind(at("2011-01-10"))
            .execute(write.connection())
            .await
            .unwrap();
    }
}

/// Ten more that came in between for 30.00: the four were of those, and the ten are worth all that they cost.
async fn revalued(ledger: &SqlLedger, ctx: &RequestContext) {
    let erp = Erp::start(Arc::new(ledger.clone()), Arc::new(SystemClock), &ErpConfig::default());
    let Command::ReceiveGoods(mut receipt) = receive(10, 3000) else {
        panic!("goods are received")
    };
    receipt.received_at = Some("2011-01-07".parse().unwrap());
    let command = Command::ReceiveGoods(receipt);
    erp.execute(ctx, command, key("late"), CommandKnown::ByClock)
        .await
        .unwrap();
    let stock = ledger.stock_on_hand(ctx, None, &Page::default()).await.unwrap();
    assert_eq!((stock[0].quantity_micro, stock[0].value_minor), (16 * PIECE, 2800));
    let posted = ledger
        .general_ledger(ctx, "1200", Span::default(), &Page::default())
        .await
        .unwrap();
    let posted: Vec<i64> = posted
        .lines
        .iter()
        .map(|line| line.debit_minor - line.credit_minor)
        .collect();
    assert_eq!(
        posted,
        [1800, 400],
        "six of the late ten, and four more of those that came before"
    );
}
