//! Taxes in the books: what was charged is owed, what was paid is claimed, and what is taken back takes its taxes with it.

use std::sync::Arc;

use cortex_erp::{
    Cancel, Closings, Command, CreditLineInput, CreditReason, DefineCompany, DefineTaxCode, DocumentKind, LinePrice,
    Page, PostCreditNote, PostInvoice, QuantityInput, ReceiptLineInput, ReceiveGoods, Records, ReturnGoods, Span,
    TaxComponent, TaxRounding,
};
use cortex_types::{Currency, Timestamp};

use crate::company::{Company, PIECE, invoice, line};

fn at(day: &str) -> Timestamp {
    day.parse().unwrap()
}

fn vat(rate: &str, blocked: bool) -> Command {
    Command::DefineTaxCode(DefineTaxCode {
        code: "VAT".into(),
        title: "value added".to_owned(),
        components: vec![TaxComponent {
            name: "VAT".into(),
            rate: rate.parse().unwrap(),
            compound: false,
        }],
        blocked,
    })
}

/// Three lines of one mug, at so much each.
fn three(pence: i64, within: bool) -> PostInvoice {
    let taxed = |_| {
        let mut taxed = line("MUG", 1);
        taxed.price = LinePrice::Net(pence);
        taxed.tax = Some("VAT".into());
        taxed
    };
    PostInvoice {
        invoiced_at: Some(at("2024-01-10")),
        prices_include_tax: within,
        ..invoice(Some("C1"), (0..3).map(taxed).collect())
    }
}

impl Company {
    /// Credits less debits, in pence.
    async fn owes(&self, account: &str) -> i64 {
        let balances = self
            .ledger
            .trial_balance(&self.ctx, Span::default(), Closings::Counted)
            .await
            .unwrap();
        let found = balances.iter().find(|of| *of.account == *account);
        found.map_or(0, |of| -of.balance_minor())
    }

    /// Base and tax of each.
    async fn taxes(&self) -> Vec<(i64, i64)> {
        let totals = self.ledger.tax_totals(&self.ctx, Span::default()).await.unwrap();
        totals.iter().map(|total| (total.base_minor, total.tax_minor)).collect()
    }
}

#[tokio::test]
async fn a_tax_is_rounded_once_or_line_by_line_as_the_company_says() {
    let company = Company::trading().await;
    company.sound(vat("20", false)).await.unwrap();
    // 0.026 each, 0.078 together.
    let posted = company.sound(Command::PostInvoice(three(13, false))).await.unwrap();
    assert_eq!((posted.amount_minor, company.owes("2050").await), (47, 8));
    let per_line = DefineCompany {
        name: "Example".to_owned(),
        currency: Currency::GBP,
        chart: None,
        tax_rounding: Some(TaxRounding::PerLine),
    };
    company.sound(Command::DefineCompany(per_line)).await.unwrap();
    let posted = company.sound(Command::PostInvoice(three(13, false))).await.unwrap();
    assert_eq!((posted.amount_minor, company.owes("2050").await), (48, 17));
    // Within: 1.00 has 0.17 of tax.
    let posted = company.sound(Command::PostInvoice(three(100, true))).await.unwrap();
    let kept = company
        .ledger
        .invoice(&company.ctx, &posted.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((kept.net_minor, kept.tax_minor, kept.lines[0].net_minor), (249, 51, 83));
    assert_eq!(kept.lines[0].tax.as_deref(), Some("VAT"));
    assert_eq!(company.taxes().await, [(39 + 39 + 249, 8 + 9 + 51)]);
}

#[tokio::test]
async fn what_is_credited_or_cancelled_takes_its_tax_with_it() {
    let company = Company::trading().await;
    company.sound(vat("20", false)).await.unwrap();
    let posted = company.sound(Command::PostInvoice(three(1_000, false))).await.unwrap();
    assert_eq!(company.owes("1100").await, -3_600);
    let mut back = line("MUG", 1);
    back.price = LinePrice::Net(1_000);
    back.tax = Some("VAT".into());
    let note = PostCreditNote {
        number: None,
        series: None,
        customer: Some("C1".into()),
        country: None,
        currency: Currency::GBP,
        location: None,
        invoice: Some(Arc::clone(&posted.number)),
        credited_at: Some(at("2024-01-20")),
        prices_include_tax: false,
        lines: vec![CreditLineInput {
            line: back,
            reason: CreditReason::Return,
        }],
    };
    let note = company.sound(Command::PostCreditNote(note)).await.unwrap();
    assert_eq!(
        (note.amount_minor, company.owes("2050").await, company.taxes().await),
        (1_200, 400, vec![(2_000, 400)])
    );
    let items = company
        .ledger
        .open_items(&company.ctx, None, Some("C1"), &Page::default())
        .await
        .unwrap();
    assert_eq!((items.len(), items[0].open_minor), (1, 2_400));
    // Another rate changes nothing that is posted.
    company.sound(vat("25", false)).await.unwrap();
    for (kind, number) in [
        (DocumentKind::CreditNote, &note.number),
        (DocumentKind::SalesInvoice, &posted.number),
    ] {
        let cancel = Cancel {
            kind,
            number: Arc::clone(number),
            memo: String::new(),
            reversal: None,
        };
        let cancelled = company.sound(Command::Cancel(cancel)).await.unwrap();
        assert_eq!(cancelled.amount_minor % 1_200, 0);
    }
    assert_eq!((company.owes("2050").await, company.taxes().await), (0, vec![(0, 0)]));
    company.sound(vat("25", true)).await.unwrap();
    let blocked = company
        .execute(Command::PostInvoice(three(1, false)))
        .await
        .unwrap_err();
    assert!(blocked.to_string().starts_with("lines[0].tax"), "{blocked}");
}

#[tokio::test]
async fn tax_on_goods_is_claimed_and_no_part_of_what_they_cost() {
    let company = Company::trading().await;
    company.sound(vat("20", false)).await.unwrap();
    let taxed = |pieces: i64, value_minor: i64| ReceiptLineInput {
        unit: None,
        product: "MUG".into(),
        quantity_micro: pieces * PIECE,
        value_minor: Some(value_minor),
        tax: Some("VAT".into()),
    };
    let bought = ReceiveGoods {
        to_be_billed: false,
        order: None,
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        location: None,
        received_at: Some(at("2024-01-05")),
        due_at: None,
        prices_include_tax: false,
        lines: vec![taxed(3, 1_001), taxed(1, 333)],
    };
    let bought = company.sound(Command::ReceiveGoods(bought)).await.unwrap();
    // 13.34 and 2.67 of tax.
    assert_eq!((bought.amount_minor, company.owes("2000").await), (1_601, 1_601));
    assert_eq!((company.owes("1200").await, company.owes("1300").await), (-1_334, -267));
    for pieces in [1, 1, 2] {
        let back = ReturnGoods {
            receipt: Arc::clone(&bought.number),
            memo: String::new(),
            returned_at: Some(at("2024-01-06")),
            lines: vec![QuantityInput {
                unit: None,
                product: "MUG".into(),
                quantity_micro: pieces * PIECE,
            }],
        };
        company.sound(Command::ReturnGoods(back)).await.unwrap();
    }
    // Piece by piece or at once: nothing is left of it.
    assert_eq!(
        (
            company.owes("2000").await,
            company.owes("1300").await,
            company.owes("1200").await
        ),
        (0, 0, 0)
    );
    assert_eq!(company.taxes().await, [(0, 0)]);
    // Some taxed and some not: whose taxes would go back is not known, so nothing does.
    let mixed = ReceiveGoods {
        to_be_billed: false,
        order: None,
        number: None,
        series: None,
        supplier: "S1".into(),
        currency: Currency::GBP,
        location: None,
        received_at: Some(at("2024-01-07")),
        due_at: None,
        prices_include_tax: false,
        lines: vec![
            taxed(1, 100),
            ReceiptLineInput {
                unit: None,
                tax: None,
                ..taxed(1, 100)
            },
        ],
    };
    let mixed = company.sound(Command::ReceiveGoods(mixed)).await.unwrap();
    let back = ReturnGoods {
        receipt: mixed.number,
        memo: String::new(),
        returned_at: Some(at("2024-01-08")),
        lines: vec![QuantityInput {
            unit: None,
            product: "MUG".into(),
            quantity_micro: PIECE,
        }],
    };
    let refused = company.sound(Command::ReturnGoods(back)).await.unwrap_err();
    assert!(refused.to_string().starts_with("receipt:"), "{refused}");
}
