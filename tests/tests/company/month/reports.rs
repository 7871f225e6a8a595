//! Every report under `/erp/v1/reports`, as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use cortex_tests::client::Client;
use serde_json::{Value, json};

use crate::table::{Column, number, table, text};

const END: &str = "2024-01-31";
/// Whose every line is shown.
const ACCOUNTS: [&str; 9] = ["1000", "1100", "1200", "1300", "2000", "2050", "2100", "5000", "7000"];

/// Name of the golden, and its text.
pub type Reports = BTreeMap<String, String>;

struct Printer<'a> {
    erp: &'a Client,
    /// Paths that were asked for, without their queries.
    seen: BTreeSet<String>,
    reports: Reports,
}

/// A report that the document tells of and that is not printed here is a mistake.
pub fn of_the_month(erp: &Client) -> Result<Reports> {
    let mut printer = Printer {
        erp,
        seen: BTreeSet::new(),
        reports: Reports::new(),
    };
    printer.statements()?;
    printer.general_ledger()?;
    printer.open_items()?;
    printer.goods()?;
    let document = erp.get("/openapi.json")?;
    let paths = document["paths"].as_object().context("paths")?;
    let reports = paths.keys().filter(|path| path.starts_with("/erp/v1/reports/"));
    for report in reports {
        ensure!(printer.seen.contains(report), "{report} is printed in no golden");
    }
    Ok(printer.reports)
}

impl Printer<'_> {
    fn get(&mut self, path: &str) -> Result<Value> {
        let bare = path.split('?').next().unwrap_or(path);
        self.seen.insert(bare.to_owned());
        self.erp.get(path)
    }

    /// Adds to the golden `name`, under a title.
    fn add(&mut self, name: &str, title: &str, body: &str) {
        let golden = self.reports.entry(name.to_owned()).or_default();
        if !golden.is_empty() {
            golden.push('\n');
        }
        // Writing to a string cannot fail.
        let _ = write!(golden, "== {title}\n{body}");
    }

    /// The rows at `field` of a report, as one table.
    fn rows(&mut self, name: &str, title: &str, path: &str, field: &str, columns: &[Column]) -> Result<()> {
        let report = self.get(path)?;
        ensure!(report["next"].is_null(), "{path} has more than one page");
        let rows = report[field]
            .as_array()
            .with_context(|| format!("{field} of {report}"))?;
        self.add(name, title, &table(columns, rows));
        Ok(())
    }

    fn statements(&mut self) -> Result<()> {
        let columns = [
            text("account"),
            text("title"),
            text("currency"),
            number("debit"),
            number("credit"),
            number("balance"),
        ];
        for (basis, title) in [("company", "in the company's currency"), ("original", "by currency")] {
            let path = format!("/erp/v1/reports/trial-balance?as_of={END}&in={basis}");
            self.rows(
                "trial-balance",
                &format!("trial balance, {title}"),
                &path,
                "accounts",
                &columns,
            )?;
        }
        for (query, title) in [
            ("", "profit and loss"),
            ("&cost_centre=AST-SHOP", "profit and loss of AST-SHOP"),
            ("&cost_centre=AST-WEB", "profit and loss of AST-WEB"),
        ] {
            let path = format!("/erp/v1/reports/profit-and-loss?from=2024-01-01&as_of={END}{query}");
            let statements = self.get(&path)?;
            let name = if query.is_empty() {
                "profit-and-loss"
            } else {
                "cost-centres"
            };
            for statement in statements["profit_and_loss"].as_array().into_iter().flatten() {
                let body = sections(statement, &["income", "expenses"], &["result"]);
                self.add(name, title, &body);
            }
        }
        let sheets = self.get(&format!("/erp/v1/reports/balance-sheet?as_of={END}"))?;
        for sheet in sheets["balance_sheets"].as_array().into_iter().flatten() {
            let body = sections(
                sheet,
                &["assets", "liabilities", "equity"],
                &["earned", "liabilities_and_equity"],
            );
            self.add("balance-sheet", "balance sheet", &body);
        }
        Ok(())
    }

    fn general_ledger(&mut self) -> Result<()> {
        let columns = [
            text("posted_at"),
            text("entry"),
            text("document_kind"),
            text("memo"),
            text("cost_centre"),
            text("currency"),
            number("debit"),
            number("credit"),
            number("base"),
            number("balance"),
        ];
        for account in ACCOUNTS {
            let path = format!("/erp/v1/reports/general-ledger?account={account}&as_of={END}&limit=500");
            let title = self.get(&path)?["title"].as_str().unwrap_or_default().to_owned();
            self.rows(
                "general-ledger",
                &format!("{account} {title}"),
                &path,
                "items",
                &columns,
            )?;
        }
        Ok(())
    }

    fn open_items(&mut self) -> Result<()> {
        for side in ["receivables", "payables"] {
            let report = self.get(&format!("/erp/v1/reports/{side}-ageing?as_of={END}&buckets=10,30"))?;
            let buckets: Vec<&str> = report["buckets"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let rows: Vec<Value> = report["parties"]
                .as_array()
                .into_iter()
                .flatten()
                .cloned()
                .map(by_bucket)
                .collect();
            let columns = [
                text("party"),
                text("currency"),
                number("0"),
                number("1"),
                number("2"),
                number("3"),
                number("total"),
            ];
            let title = format!("{side} by age: {}", buckets.join(", "));
            self.add("ageing", &title, &table(&columns, &rows));
        }
        let path = format!("/erp/v1/reports/taxes?from=2024-01-01&as_of={END}");
        let columns = [
            text("direction"),
            text("code"),
            text("component"),
            number("rate"),
            text("currency"),
            number("base"),
            number("tax"),
        ];
        self.rows("taxes", "taxes", &path, "taxes", &columns)
    }

    fn goods(&mut self) -> Result<()> {
        let lies = [
            text("product"),
            text("description"),
            text("location"),
            number("quantity"),
            text("unit"),
            number("value"),
            number("unit_cost"),
            text("currency"),
        ];
        for day in ["2024-01-10", "2024-01-20", END] {
            let path = format!("/erp/v1/reports/stock-on-hand?as_of={day}");
            self.rows(
                "stock",
                &format!("stock on hand at the end of {day}"),
                &path,
                "items",
                &lies,
            )?;
        }
        let now = [
            text("product"),
            text("location"),
            number("quantity"),
            number("reserved"),
            number("available"),
            number("value"),
        ];
        self.rows(
            "stock",
            "stock on hand now",
            "/erp/v1/reports/stock-on-hand",
            "items",
            &now,
        )?;
        let moved = [
            text("moved_at"),
            text("location"),
            text("reason"),
            text("document_kind"),
            number("quantity"),
            number("value"),
            number("value_now"),
        ];
        for product in ["AST-FLOOR", "AST-DESK", "AST-BULB"] {
            let moves = self.erp.list(&format!("/erp/v1/stock-moves?product={product}"))?;
            self.add("stock-moves", product, &table(&moved, &moves));
        }
        let unbilled = [
            text("supplier"),
            text("receipt"),
            text("product"),
            number("quantity"),
            number("value"),
            text("currency"),
            text("received_at"),
        ];
        let path = "/erp/v1/reports/goods-received-not-invoiced";
        self.rows(
            "goods-received-not-invoiced",
            "goods received, not invoiced",
            path,
            "items",
            &unbilled,
        )?;
        let suggested = [
            text("product"),
            text("location"),
            text("supplier"),
            number("quantity"),
            number("on_hand"),
            number("to_come"),
            number("to_leave"),
            number("point"),
        ];
        self.rows(
            "suggested-orders",
            "suggested orders",
            "/erp/v1/reports/suggested-orders",
            "items",
            &suggested,
        )
    }
}

/// What is open of each age, as fields of its row.
fn by_bucket(mut party: Value) -> Value {
    let open = party["open"].as_array().cloned().unwrap_or_default();
    for (place, amount) in open.into_iter().enumerate() {
        party[place.to_string()] = amount;
    }
    party
}

/// The sections of a statement with their totals, and what they come to.
fn sections(statement: &Value, sections: &[&str], results: &[&str]) -> String {
    let mut rows = Vec::new();
    for section in sections {
        for line in statement[section]["accounts"].as_array().into_iter().flatten() {
            let title = format!(
                "{} {}",
                line["account"].as_str().unwrap_or_default(),
                line["title"].as_str().unwrap_or_default()
            );
            rows.push(json!({ "title": title, "amount": line["amount"] }));
        }
        rows.push(json!({ "title": section.to_uppercase(), "amount": statement[section]["total"] }));
    }
    for result in results {
        let title = result.to_uppercase().replace('_', " ");
        rows.push(json!({ "title": title, "amount": statement[result] }));
    }
    table(&[text("title"), number("amount")], &rows)
}
