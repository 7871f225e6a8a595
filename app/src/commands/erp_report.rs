//! `cortex erp report`: the books, as an accountant reads them.

use clap::Subcommand;
use cortex_erp::{AccountBalance, BalanceSheet, Chart, Closings, ErpError, ProfitAndLoss, Records, Section, Span};
use cortex_types::{Currency, Money, RequestContext};

use super::say;
use super::table::Table;

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// What was debited and credited to each account
    TrialBalance {
        /// The first day that counts, such as 2011-01-01
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// The last day that counts, such as 2011-06-30
        #[arg(long, value_name = "DAY")]
        as_of: Option<String>,
    },
    /// What there is and whose it is, at the end of a day
    BalanceSheet {
        /// The last day that counts, such as 2011-06-30
        #[arg(long, value_name = "DAY")]
        as_of: Option<String>,
    },
    /// What was earned and what it cost, in a stretch of time
    ProfitAndLoss {
        /// The first day that counts, such as 2011-01-01
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// The last day that counts, such as 2011-06-30
        #[arg(long, value_name = "DAY")]
        as_of: Option<String>,
    },
}

impl ReportCommand {
    pub async fn run(self, records: &dyn Records, ctx: &RequestContext) -> Result<(), ErpError> {
        let balances = async |from: Option<&str>, as_of: Option<&str>, closings: Closings| {
            let span = Span::new(from, as_of)?;
            let balances = records.trial_balance(ctx, span, closings).await?;
            // In the company's currency, where it said one.
            Ok::<_, ErpError>(match records.company(ctx).await? {
                Some(company) => AccountBalance::in_base(&balances, company.currency),
                None => balances,
            })
        };
        let chart = records.chart(ctx).await?;
        match self {
            Self::TrialBalance { from, as_of } => {
                let balances = balances(from.as_deref(), as_of.as_deref(), Closings::Counted);
                say(trial_balance(balances.await?, &chart));
            }
            Self::BalanceSheet { as_of } => {
                for sheet in BalanceSheet::of(&balances(None, as_of.as_deref(), Closings::Counted).await?, &chart) {
                    say(balance_sheet(&sheet));
                }
            }
            Self::ProfitAndLoss { from, as_of } => {
                let balances = balances(from.as_deref(), as_of.as_deref(), Closings::LeftOut);
                for statement in ProfitAndLoss::of(&balances.await?, &chart) {
                    say(profit_and_loss(&statement));
                }
            }
        }
        Ok(())
    }
}

fn amount(minor: i64, currency: Currency) -> String {
    Money::new(minor, currency).to_decimal().to_string()
}

fn trial_balance(balances: Vec<AccountBalance>, chart: &Chart) -> String {
    let mut table = Table::new(["account", "title", "debit", "credit", "balance", "currency"]);
    for of in balances {
        let account = chart.account(&of.account);
        let title = account.map_or_else(|_| String::new(), |account| account.title.clone());
        let figures = [of.debit_minor, of.credit_minor, of.balance_minor()].map(|minor| amount(minor, of.currency));
        let [debit, credit, balance] = figures;
        table.row([
            of.account.to_string(),
            title,
            debit,
            credit,
            balance,
            of.currency.to_string(),
        ]);
    }
    table.to_string()
}

fn balance_sheet(sheet: &BalanceSheet) -> String {
    let mut table = statement(sheet.currency);
    section(&mut table, "assets", &sheet.assets, sheet.currency);
    section(&mut table, "liabilities", &sheet.liabilities, sheet.currency);
    section(&mut table, "equity", &sheet.equity, sheet.currency);
    total(&mut table, "earned so far", sheet.earned_minor, sheet.currency);
    total(
        &mut table,
        "liabilities and equity",
        sheet.liabilities_and_equity_minor(),
        sheet.currency,
    );
    table.to_string()
}

fn profit_and_loss(of: &ProfitAndLoss) -> String {
    let mut table = statement(of.currency);
    section(&mut table, "income", &of.income, of.currency);
    section(&mut table, "expenses", &of.expenses, of.currency);
    total(&mut table, "result", of.result_minor(), of.currency);
    table.to_string()
}

fn statement(currency: Currency) -> Table<3> {
    Table::new(["account", "", currency.as_str()])
}

fn section(table: &mut Table<3>, name: &str, section: &Section, currency: Currency) {
    for line in &section.lines {
        table.row([
            line.account.clone(),
            line.title.clone(),
            amount(line.amount_minor, currency),
        ]);
    }
    total(table, name, section.total_minor, currency);
}

fn total(table: &mut Table<3>, name: &str, minor: i64, currency: Currency) {
    table.row([String::new(), name.to_uppercase(), amount(minor, currency)]);
}
