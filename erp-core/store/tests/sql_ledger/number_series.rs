//! Numbers by series and year.

use std::collections::BTreeSet;
use std::sync::Arc;

use cortex_erp::{
    Command, DefineNumberSeries, DocumentKind, ErpError, Known, OpenFiscalYear, PostInvoice, Records, Rulebook,
};
use cortex_types::Timestamp;

use crate::company::{Company, invoice, key, line, tenant};

pub fn series(code: &str, prefix: &str, is_default: bool) -> DefineNumberSeries {
    DefineNumberSeries {
        code: code.into(),
        kind: DocumentKind::SalesInvoice,
        prefix: prefix.into(),
        digits: 4,
        is_default,
        blocked: false,
    }
}

fn sale(at: &str, series: Option<&str>) -> PostInvoice {
    PostInvoice {
        series: series.map(Arc::from),
        invoiced_at: Some(at.parse().unwrap()),
        ..invoice(Some("C1"), vec![line("POST", 1)])
    }
}

impl Company {
    async fn numbered(&self, at: &str, series: Option<&str>) -> String {
        let receipt = self.execute(Command::PostInvoice(sale(at, series))).await.unwrap();
        receipt.number.to_string()
    }

    async fn define(&self, series: DefineNumberSeries) -> Result<(), ErpError> {
        self.execute(Command::DefineNumberSeries(series)).await.map(drop)
    }
}

#[tokio::test]
async fn every_year_of_a_series_counts_from_one() {
    let company = Company::trading().await;
    assert_eq!(company.numbered("2024-05-01", None).await, "INV-000001");
    company.define(series("invoices", "INV-{year}-", true)).await.unwrap();
    company.define(series("web", "W/", false)).await.unwrap();
    for (at, series, number) in [
        ("2024-12-31T23:59:59Z", None, "INV-2024-0001"),
        ("2025-01-01", None, "INV-2025-0001"),
        ("2024-06-01", None, "INV-2024-0002"),
        ("2025-01-02", Some("web"), "W/0001"),
        ("2024-01-02", Some("web"), "W/0002"),
        ("2025-03-01", Some("invoices"), "INV-2025-0002"),
    ] {
        assert_eq!(company.numbered(at, series).await, number, "{at} {series:?}");
    }
    // Another default takes the place of the first; the numbers of the kind itself go on where they were.
    company.define(series("plain", "R-", true)).await.unwrap();
    let said = company.ledger.number_series(&company.ctx).await.unwrap();
    let defaults: Vec<(&str, bool)> = said.iter().map(|one| (&*one.code, one.is_default)).collect();
    assert_eq!(defaults, [("invoices", false), ("web", false), ("plain", true)]);
    assert_eq!(company.numbered("2025-04-01", None).await, "R-0001");
    company.define(series("plain", "R-", false)).await.unwrap();
    assert_eq!(company.numbered("2025-04-01", None).await, "INV-000002");
    assert_eq!(company.ledger.number_series(&tenant("other")).await.unwrap(), []);
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn the_entries_of_a_fiscal_year_are_numbered_by_its_code() {
    let company = Company::trading().await;
    let by_year = DefineNumberSeries {
        kind: DocumentKind::JournalEntry,
        ..series("journal", "J-{fiscal-year}-", true)
    };
    company.define(by_year).await.unwrap();
    let refused = company.execute(Command::PostInvoice(sale("2024-05-01", None))).await;
    assert!(refused.unwrap_err().to_string().contains("fiscal year"));
    for (code, from) in [("FY24", "2023-07-01"), ("FY25", "2024-07-01")] {
        let year = OpenFiscalYear {
            code: Some(code.into()),
            from: from.parse().unwrap(),
            months: 12,
        };
        company.execute(Command::OpenFiscalYear(year)).await.unwrap();
    }
    let mut entries = Vec::new();
    for at in ["2024-06-30T23:59:59Z", "2024-07-01", "2024-06-30"] {
        let receipt = company.execute(Command::PostInvoice(sale(at, None))).await.unwrap();
        entries.push(receipt.entry.unwrap().to_string());
    }
    assert_eq!(entries, ["J-FY24-0001", "J-FY25-0001", "J-FY24-0002"]);
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
    company.comes_of_its_commands().await;
}

#[tokio::test]
async fn what_a_series_may_come_to_is_nobody_elses() {
    let company = Company::trading().await;
    let named = |number: &str| {
        let mut sale = sale("2024-05-01", None);
        sale.number = Some(number.into());
        Command::PostInvoice(sale)
    };
    company.execute(named("R-17")).await.unwrap();
    let refused = company.define(series("r", "R-", true)).await.unwrap_err().to_string();
    assert!(refused.contains("R-"), "{refused}");
    company.define(series("r", "R-{year}-", true)).await.unwrap();
    for own in ["R-2031-1", "INV-9"] {
        let refused = company.execute(named(own)).await.unwrap_err().to_string();
        assert!(refused.contains("our own series"), "{own}: {refused}");
    }
    for foreign in ["R-18", "R-31-1", "536365"] {
        company.execute(named(foreign)).await.unwrap();
    }
    // What was drawn is no obstacle to what draws it.
    company.numbered("2024-05-01", None).await;
    company.define(series("r", "R-{year}-", false)).await.unwrap();
    company.define(series("same", "R-2024-", true)).await.unwrap();
    assert_eq!(company.numbered("2024-05-01", None).await, "R-2024-0002");
    // Documents of other books come in their turn.
    for (number, is_next) in [
        ("R-2024-0004", false),
        ("R-2024-3", false),
        ("R-2025-0001", false),
        ("R-2024-0003", true),
    ] {
        let posted = company.execute(named(number)).await;
        assert_eq!(posted.is_ok(), is_next, "{number}: {posted:?}");
    }
    assert_eq!(company.numbered("2024-05-01", None).await, "R-2024-0004");
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);

    let blocked = DefineNumberSeries {
        blocked: true,
        ..series("r", "R-{year}-", false)
    };
    company.define(blocked.clone()).await.unwrap();
    for (series, said) in [("r", "blocked"), ("none", "there is no"), ("bills", "purchase-bill")] {
        let bills = DefineNumberSeries {
            kind: DocumentKind::PurchaseBill,
            ..self::series("bills", "B-", false)
        };
        company.define(bills).await.unwrap();
        let refused = company
            .execute(Command::PostInvoice(sale("2024-05-01", Some(series))))
            .await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    let blocked_default = DefineNumberSeries {
        is_default: true,
        ..blocked
    };
    assert!(company.define(blocked_default).await.is_err());
    let of_a_party = DefineNumberSeries {
        kind: DocumentKind::Party,
        ..series("p", "P-", false)
    };
    assert!(company.define(of_a_party).await.is_err());
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_who_race_for_two_years_leave_no_gap() {
    let company = Company::trading().await;
    company.define(series("invoices", "{year}/", true)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..8_i64 {
        let (erp, ctx) = (company.erp.clone(), company.ctx.clone());
        tasks.spawn(async move {
            for sale in 0..5 {
                let mut command = self::sale("2024-05-01", None);
                let later = (writer + sale) % 2 * 365 * 86_400_000_000;
                command.invoiced_at = command
                    .invoiced_at
                    .map(|at| Timestamp::from_micros(at.micros() + later));
                // Some are refused, and take no number with them.
                if sale == 3 {
                    command.customer = Some("NOBODY".into());
                }
                let key = key(format!("{writer}-{sale}"));
                let answer = erp
                    .execute(&ctx, Command::PostInvoice(command), key, Known::ByClock)
                    .await;
                assert_eq!(answer.is_err(), sale == 3);
            }
        });
    }
    tasks.join_all().await;
    let page = cortex_erp::Page::new(None, 100);
    let posted = company.ledger.invoices(&company.ctx, &page).await.unwrap();
    let numbers: BTreeSet<String> = posted.iter().map(|invoice| invoice.number.to_string()).collect();
    let expected = ["2024", "2025"]
        .iter()
        .flat_map(|year| (1..=16).map(move |place| format!("{year}/{place:04}")));
    assert_eq!(numbers, expected.collect());
    assert_eq!(company.ledger.verify(&company.ctx).await.unwrap(), []);
}
