//! Who keeps books in the histories: companies that have nothing in common but the database.

use cortex_erp::valuation::Method;
use cortex_erp::{
    Command, CreateParty, CreateProduct, DefineCompany, DefineCostCentre, DefineLocation, DefineProductUnit,
    DefineTaxCode, NegativeStock, OpenFiscalYear, PartyKind, ProductKind, SetExchangeRate, TaxComponent, TaxRounding,
};
use cortex_types::{Currency, Timestamp, Unit};

/// A company, and what it deals in.
pub struct Business {
    pub tenant: &'static str,
    /// `None`: it never says what its currency is, and has no calendar either.
    pub base: Option<(&'static str, TaxRounding)>,
    /// What its documents are in, mostly the first of them, which is the company's.
    pub currencies: &'static [&'static str],
}

pub const BUSINESSES: [Business; 3] = [
    Business {
        tenant: "acme",
        base: Some(("trading", TaxRounding::PerDocument)),
        currencies: &["GBP", "EUR", "USD", "JPY"],
    },
    Business {
        tenant: "bolt",
        base: Some(("skr04", TaxRounding::PerLine)),
        currencies: &["EUR", "USD"],
    },
    Business {
        tenant: "cord",
        base: None,
        currencies: &["GBP"],
    },
];

pub const GOODS: [(&str, Method); 4] = [
    ("AVG", Method::MovingAverage),
    ("FIFO", Method::Fifo),
    ("STD", Method::Standard),
    // By weight.
    ("FLOUR", Method::Fifo),
];
pub const SERVICE: &str = "WORK";
pub const CUSTOMERS: [&str; 2] = ["C1", "C2"];
pub const SUPPLIERS: [&str; 2] = ["S1", "S2"];
/// Where stock may not go below zero.
pub const REFUSING: [&str; 2] = ["shop", "depot"];
pub const TAXES: [&str; 3] = ["FULL", "LOW", "DUO"];
pub const COST_CENTRE: &str = "SHOP";

/// The first day of all books.
pub fn day(day: i64) -> Timestamp {
    let start: Timestamp = "2024-01-01".parse().unwrap();
    Timestamp::from_micros(start.micros() + day * 86_400_000_000)
}

pub fn tax(code: &str, rates: &[(&str, bool)]) -> Command {
    let component = |(place, (rate, compound)): (usize, &(&str, bool))| TaxComponent {
        name: format!("{code}-{place}").into(),
        rate: rate.parse().unwrap(),
        compound: *compound,
    };
    Command::DefineTaxCode(DefineTaxCode {
        code: code.into(),
        title: code.to_owned(),
        components: rates.iter().enumerate().map(component).collect(),
        blocked: false,
    })
}

pub fn boxes_of(pieces: i64) -> Command {
    Command::DefineProductUnit(DefineProductUnit {
        product: "AVG".into(),
        unit: "BX".parse().unwrap(),
        factor: pieces.into(),
    })
}

pub fn rate(currency: Currency, valid_from: Timestamp, thousandths: i64) -> Command {
    Command::SetExchangeRate(SetExchangeRate {
        currency,
        valid_from,
        rate: format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
            .parse()
            .unwrap(),
    })
}

fn party(code: &str, kind: PartyKind) -> Command {
    Command::CreateParty(CreateParty {
        code: code.into(),
        kind,
        country: "France".into(),
        name_sealed: None,
        terms: None,
        created_at: None,
    })
}

impl Business {
    /// The company's, or else that of all its documents.
    pub fn currency(&self) -> Currency {
        self.currencies[0].parse().unwrap()
    }

    fn product(&self, code: &str, kind: ProductKind, unit: &str, valuation: Option<Method>) -> Command {
        Command::CreateProduct(CreateProduct {
            code: code.into(),
            description: code.to_owned(),
            kind,
            unit: if unit.is_empty() {
                Unit::each()
            } else {
                unit.parse().unwrap()
            },
            currency: self.currency(),
            list_price_minor: Some(1_950),
            valuation,
            standard_cost: (valuation == Some(Method::Standard)).then(|| "7.25".parse().unwrap()),
            created_at: Some(day(0)),
        })
    }

    /// All that has to be there before anything is posted.
    pub fn beginnings(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some((chart, rounding)) = self.base {
            commands.push(Command::DefineCompany(DefineCompany {
                name: self.tenant.to_owned(),
                currency: self.currency(),
                chart: Some(chart.into()),
                tax_rounding: Some(rounding),
            }));
            commands.push(Command::OpenFiscalYear(OpenFiscalYear {
                code: None,
                from: day(0),
                months: 12,
            }));
            for other in &self.currencies[1..] {
                commands.push(rate(other.parse().unwrap(), day(0), 812));
            }
        }
        commands.extend(CUSTOMERS.map(|code| party(code, PartyKind::Customer)));
        commands.extend(SUPPLIERS.map(|code| party(code, PartyKind::Supplier)));
        commands.push(party("W", PartyKind::WalkIn));
        commands.extend(REFUSING.map(|code| {
            Command::DefineLocation(DefineLocation {
                code: code.into(),
                name: String::new(),
                negative_stock: NegativeStock::Refuse,
            })
        }));
        commands.extend([
            tax("FULL", &[("20", false)]),
            tax("LOW", &[("5.5", false)]),
            tax("DUO", &[("5", false), ("9.975", true)]),
            Command::DefineCostCentre(DefineCostCentre {
                code: COST_CENTRE.into(),
                title: String::new(),
                blocked: false,
            }),
        ]);
        for (code, valuation) in GOODS {
            let unit = if code == "FLOUR" { "KGM" } else { "" };
            commands.push(self.product(code, ProductKind::Goods, unit, Some(valuation)));
        }
        commands.push(self.product(SERVICE, ProductKind::Service, "HUR", None));
        commands.push(boxes_of(12));
        commands
    }
}
