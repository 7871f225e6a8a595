//! The services on a real database: what is refused, what is kept, and who sees it.

mod approvals;
mod bills;
mod chain;
mod company;
mod contacts;
mod currencies;
mod drafts;
mod exchange_differences;
mod fiscal;
mod histories;
mod import;
mod migrations;
mod number_series;
mod open_items;
mod orders;
mod statements;
mod stock;
mod taxes;
mod units;

use cortex_erp::{
    AMOUNT_MINOR_MAX, AdjustStock, AdjustmentLineInput, Closings, Command, CreateProduct, CreditLineInput,
    CreditReason, ErpError, JournalLineInput, Known, Page, PaymentDirection, PostCreditNote, PostInvoice,
    PostJournalEntry, ProductKind, Records, Span,
};
use cortex_store::sql;
use cortex_types::{Coded, Currency, DecisionId, ErrorCode, Unit};

use company::{Company, PIECE, invoice, key, line, payment, receive, tenant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_of_business_is_read_back_as_it_was_posted() {
    let company = Company::trading().await;
    let decision = DecisionId::new();
    company.execute(receive(10, 1000)).await.unwrap();
    let sale = PostInvoice {
        decision_id: Some(decision),
        ..invoice(Some("C1"), vec![line("MUG", 4), line("POST", 1)])
    };
    let receipt = company.execute(Command::PostInvoice(sale)).await.unwrap();
    let credit = PostCreditNote {
        prices_include_tax: false,
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoice: Some(receipt.number.clone()),
        credited_at: None,
        lines: vec![CreditLineInput {
            line: line("MUG", 1),
            reason: CreditReason::Return,
        }],
    };
    company.execute(Command::PostCreditNote(credit)).await.unwrap();
    company
        .execute(payment("C1", PaymentDirection::In, 1200))
        .await
        .unwrap();
    company
        .execute(payment("S1", PaymentDirection::Out, 1000))
        .await
        .unwrap();
    let lost = vec![AdjustmentLineInput {
        unit: None,
        product: "MUG".into(),
        quantity_micro: -2 * PIECE,
        value_minor: None,
    }];
    let write_off = AdjustStock {
        memo: "broken".into(),
        location: None,
        moved_at: None,
        lines: lost,
    };
    company.execute(Command::AdjustStock(write_off)).await.unwrap();

    let (ledger, ctx) = (&company.ledger, &company.ctx);
    let posted = ledger.invoice(ctx, &receipt.number).await.unwrap().unwrap();
    assert_eq!(
        (posted.net_minor, posted.lines.len(), posted.decision_id),
        (1500, 2, Some(decision))
    );
    let note = &ledger.credit_notes(ctx, &Page::default()).await.unwrap()[0];
    assert_eq!(
        (note.invoice_id, note.reason, note.lines.len()),
        (Some(posted.id), CreditReason::Return, 1)
    );
    let stock = &ledger.stock_on_hand(ctx, None, &Page::default()).await.unwrap()[0];
    assert_eq!((stock.quantity_micro, stock.value_minor), (5 * PIECE, 500));
    let balances = ledger
        .trial_balance(ctx, Span::default(), Closings::Counted)
        .await
        .unwrap();
    let balance = |account: &str| {
        balances
            .iter()
            .find(|of| *of.account == *account)
            .unwrap()
            .balance_minor()
    };
    assert_eq!(
        (balance("1000"), balance("1100"), balance("1200"), balance("2000")),
        (200, 0, 500, 0)
    );
    assert_eq!((balance("4000"), balance("5000"), balance("5100")), (-1200, 300, 200));
    assert_eq!(ledger.journal_entries(ctx, &Page::default()).await.unwrap().len(), 6);
    assert_eq!(
        ledger
            .stock_moves(ctx, Some("MUG"), &Page::default())
            .await
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        ledger.purchase_receipts(ctx, &Page::default()).await.unwrap()[0]
            .lines
            .len(),
        1
    );
    assert_eq!(ledger.payments(ctx, &Page::default()).await.unwrap().len(), 2);
    assert_eq!(ledger.parties(ctx, &Page::new(None, 2)).await.unwrap().len(), 2);
    assert_eq!(ledger.verify(ctx).await.unwrap(), []);
    // Eleven commands: as many transactions and audit entries, and every captured row in the change log.
    assert_eq!(company.count("tx_meta").await, 11);
    assert_eq!(
        company
            .count("change_log WHERE table_name = 'sales_invoice_lines'")
            .await,
        2
    );
}

#[tokio::test]
async fn what_is_refused_has_a_stable_code_and_leaves_nothing() {
    let company = Company::trading().await;
    let before = company.count("change_log").await;
    let code = |result: Result<_, ErpError>| result.map(|_: cortex_erp::Receipt| ()).unwrap_err().code();
    let unknown = invoice(Some("C1"), vec![line("CUP", 1)]);
    assert_eq!(
        code(company.execute(Command::PostInvoice(unknown)).await),
        ErrorCode::UnknownProduct
    );
    let nobody = invoice(Some("C9"), vec![line("MUG", 1)]);
    assert_eq!(
        code(company.execute(Command::PostInvoice(nobody)).await),
        ErrorCode::UnknownParty
    );
    let side = |account: &str, debit_minor, credit_minor| JournalLineInput {
        account: account.to_owned(),
        debit_minor,
        credit_minor,
        ..JournalLineInput::default()
    };
    let lines = vec![side("1000", 1000, 0), side("3000", 0, 999)];
    let unbalanced = PostJournalEntry {
        memo: "typo".into(),
        currency: Currency::GBP,
        posted_at: None,
        adjusting: false,
        lines,
    };
    assert_eq!(
        code(company.execute(Command::PostJournalEntry(unbalanced)).await),
        ErrorCode::Unbalanced
    );
    assert_eq!(company.count("change_log").await, before);
}

#[tokio::test]
async fn a_repeated_key_answers_again_but_not_to_another_body() {
    let company = Company::trading().await;
    let post = |pieces| {
        let command = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", pieces)]));
        company
            .erp
            .execute(&company.ctx, command, key("order-17"), Known::ByClock)
    };
    let first = post(1).await.unwrap();
    let again = post(1).await.unwrap();
    assert!(again.repeated && again.id == first.id && again.number == first.number);
    assert_eq!(post(2).await.unwrap_err().code(), ErrorCode::IdempotencyConflict);
    assert_eq!(company.count("sales_invoices").await, 1);
    let answered = company
        .ledger
        .answered(&company.ctx, &key("order-17"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answered.receipt.id, first.id);
}

#[tokio::test]
async fn another_tenant_sees_and_reaches_nothing() {
    let company = Company::trading().await;
    let sale = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)]));
    let receipt = company.execute(sale.clone()).await.unwrap();
    let (ledger, other) = (&company.ledger, tenant("rival"));
    assert!(ledger.invoice(&other, &receipt.number).await.unwrap().is_none());
    assert!(ledger.party(&other, "C1").await.unwrap().is_none());
    assert!(
        ledger
            .stock_on_hand(&other, None, &Page::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        ledger
            .trial_balance(&other, Span::default(), Closings::Counted)
            .await
            .unwrap()
            .is_empty()
    );
    let posted = company.erp.execute(&other, sale, key("k"), Known::ByClock).await;
    assert_eq!(posted.unwrap_err().code(), ErrorCode::UnknownParty);
}

#[tokio::test]
async fn posted_rows_refuse_to_be_changed_by_the_database_itself() {
    let company = Company::trading().await;
    company.execute(receive(10, 1000)).await.unwrap();
    company
        .execute(Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)])))
        .await
        .unwrap();
    for statement in [
        "UPDATE sales_invoices SET net_minor = 0",
        "DELETE FROM sales_invoice_lines",
        "UPDATE journal_lines SET debit_minor = 1",
        "DELETE FROM journal_entries",
        "UPDATE stock_moves SET quantity_micro = 0",
        "DELETE FROM purchase_receipts",
    ] {
        let mut work = company.begin().await;
        let error = sql::query(statement).execute(work.connection()).await.unwrap_err();
        assert!(error.to_string().contains("immutable-document"), "{statement}: {error}");
    }
}

#[tokio::test]
async fn the_check_finds_a_level_that_is_not_the_sum_of_its_moves() {
    let company = Company::trading().await;
    company.execute(receive(10, 1000)).await.unwrap();
    let mut work = company.begin().await;
    sql::query("UPDATE stock_levels SET quantity_micro = 7, value_minor = 999")
        .execute(work.connection())
        .await
        .unwrap();
    work.commit().await.unwrap();
    let findings = company.ledger.verify(&company.ctx).await.unwrap();
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["level-is-sum-of-moves", "inventory-is-stock-value"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invoices_posted_at_once_get_gapless_numbers() {
    let company = Company::trading().await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..16 {
        let (erp, ctx) = (company.erp.clone(), company.ctx.clone());
        tasks.spawn(async move {
            // 16 tasks share 200 invoices; some orders fail in between and must not take a number.
            for order in (0..200).filter(|order| order % 16 == task) {
                let command = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)]));
                erp.execute(&ctx, command, key(format!("order-{order}")), Known::ByClock)
                    .await
                    .unwrap();
                let refused = Command::PostInvoice(invoice(Some("C9"), vec![line("MUG", 1)]));
                erp.execute(&ctx, refused, key(format!("bad-{order}")), Known::ByClock)
                    .await
                    .unwrap_err();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let numbers: Vec<String> = sql::query_scalar("SELECT number FROM sales_invoices ORDER BY number")
        .fetch_all(&company.readers())
        .await
        .unwrap();
    let gapless: Vec<String> = (1..=200).map(|n| format!("INV-{n:06}")).collect();
    assert_eq!(numbers, gapless);
    let stock = &company
        .ledger
        .stock_on_hand(&company.ctx, None, &Page::default())
        .await
        .unwrap()[0];
    assert_eq!(stock.quantity_micro, -200 * PIECE);
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn stock_comes_in_pages_past_products_that_never_moved() {
    let company = Company::trading().await;
    for code in ["A1", "A2", "A3", "ZEBRA"] {
        let product = CreateProduct {
            code: code.into(),
            description: String::new(),
            kind: ProductKind::Goods,
            unit: Unit::each(),
            currency: Currency::GBP,
            list_price_minor: Some(1),
            valuation: None,
            standard_cost: None,
            created_at: None,
        };
        company.execute(Command::CreateProduct(product)).await.unwrap();
    }
    for code in ["MUG", "ZEBRA"] {
        let sale = invoice(Some("C1"), vec![line(code, 1)]);
        company.execute(Command::PostInvoice(sale)).await.unwrap();
    }
    let page = async |after: Option<&str>| {
        let page = Page::new(after.map(str::to_owned), 1);
        let rows = company.ledger.stock_on_hand(&company.ctx, None, &page).await.unwrap();
        rows.iter().map(|row| row.product_code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, ["MUG"]);
    assert_eq!(page(Some("MUG")).await, ["ZEBRA"]);
    assert!(page(Some("ZEBRA")).await.is_empty());
}

#[tokio::test]
async fn the_largest_entries_there_are_can_still_be_added_up() {
    let company = Company::trading().await;
    for _ in 0..2 {
        let side = |account: &str, debit_minor, credit_minor| JournalLineInput {
            account: account.to_owned(),
            debit_minor,
            credit_minor,
            ..JournalLineInput::default()
        };
        let entry = |minor| {
            Command::PostJournalEntry(PostJournalEntry {
                memo: String::new(),
                currency: Currency::GBP,
                posted_at: None,
                adjusting: false,
                lines: vec![side("1000", minor, 0), side("3000", 0, minor)],
            })
        };
        company.execute(entry(AMOUNT_MINOR_MAX)).await.unwrap();
        let refused = company.execute(entry(i64::MAX)).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidArgument);
    }
    let balances = company
        .ledger
        .trial_balance(&company.ctx, Span::default(), Closings::Counted)
        .await
        .unwrap();
    assert_eq!(balances[0].debit_minor, 2 * AMOUNT_MINOR_MAX);
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn what_was_credited_before_counts_against_the_invoice() {
    let company = Company::trading().await;
    let sale = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 2)]));
    let number = company.execute(sale).await.unwrap().number;
    let credit = |pieces| {
        Command::PostCreditNote(PostCreditNote {
            prices_include_tax: false,
            number: None,
            series: None,
            customer: Some("C1".into()),
            country: None,
            currency: Currency::GBP,
            location: None,
            invoice: Some(number.clone()),
            credited_at: None,
            lines: vec![CreditLineInput {
                line: line("MUG", pieces),
                reason: CreditReason::Return,
            }],
        })
    };
    company.execute(credit(1)).await.unwrap();
    let refused = company.execute(credit(2)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidArgument, "{refused}");
    company.execute(credit(1)).await.unwrap();
    assert_eq!(company.count("credit_notes").await, 2);
}

#[tokio::test]
async fn the_check_finds_a_number_that_is_missing_from_our_own_series() {
    let company = Company::trading().await;
    let sale = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)]));
    company.execute(sale).await.unwrap();
    for number in ["inv-7", "INV-7a"] {
        let mut foreign = invoice(Some("C1"), vec![line("MUG", 1)]);
        foreign.number = Some(number.into());
        company.execute(Command::PostInvoice(foreign)).await.unwrap();
    }
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
    let mut work = company.begin().await;
    sql::query("UPDATE number_counters SET newest = 2 WHERE kind = 'sales-invoice'")
        .execute(work.connection())
        .await
        .unwrap();
    work.commit().await.unwrap();
    let findings = company.ledger.verify(&company.ctx).await.unwrap();
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].rule.as_str(), findings[0].subject.as_str()),
        ("numbers-gapless", "numbers INV- of sales-invoice")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_sent_many_times_at_once_posts_once() {
    let company = Company::trading().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (erp, ctx) = (company.erp.clone(), company.ctx.clone());
        tasks.spawn(async move {
            let command = Command::PostInvoice(invoice(Some("C1"), vec![line("MUG", 1)]));
            erp.execute(&ctx, command, key("order-17"), Known::ByClock)
                .await
                .unwrap()
        });
    }
    let receipts = tasks.join_all().await;
    assert_eq!(receipts.iter().filter(|receipt| !receipt.repeated).count(), 1);
    assert!(receipts.iter().all(|receipt| receipt.id == receipts[0].id));
    assert_eq!(company.count("sales_invoices").await, 1);
}
