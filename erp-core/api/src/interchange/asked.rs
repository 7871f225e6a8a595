//! What documents were posted with and their lists do not show, such as what a stock count counted: read from the journal of
//! commands, in the words of the API, so that a file has all that it takes to post them again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cortex_erp::{DocumentKind, PostedBy};
use cortex_runtime::http::ApiError;
use cortex_types::{Currency, RequestContext};
use serde_json::{Map, Value};

use super::Interchange;
use super::shape::{Fields, Kind, Shape, encoded};
use crate::decimals::{amount_text, quantity_text};

/// Documents that say no more of themselves than what they did, or not all that they were posted with.
const COLLECTIONS: [(&str, DocumentKind, Which); 13] = [
    (
        "credit-notes",
        DocumentKind::CreditNote,
        Which::Only(&["invoice", "location", TAXED, GROSS, UNIT_PRICE]),
    ),
    ("deliveries", DocumentKind::Delivery, Which::All),
    ("landed-costs", DocumentKind::LandedCost, Which::All),
    ("opening-balances", DocumentKind::OpeningBalance, Which::All),
    ("payments", DocumentKind::Payment, Which::Only(&["settles"])),
    ("products", DocumentKind::Product, Which::Only(&["standard_cost"])),
    (
        "purchase-bills",
        DocumentKind::PurchaseBill,
        Which::Only(&[TAXED, UNIT]),
    ),
    (
        "purchase-receipts",
        DocumentKind::PurchaseReceipt,
        Which::Only(&["location", "due_at", TAXED, UNIT]),
    ),
    ("purchase-returns", DocumentKind::PurchaseReturn, Which::All),
    (
        "sales-invoices",
        DocumentKind::SalesInvoice,
        Which::Only(&["location", TAXED, GROSS, UNIT_PRICE]),
    ),
    ("stock-adjustments", DocumentKind::StockAdjustment, Which::All),
    ("stock-counts", DocumentKind::StockCount, Which::All),
    ("stock-transfers", DocumentKind::StockTransfer, Which::All),
];

/// What cancelled it: it is told, and no file brings it in.
const CANCELLED: &str = "cancelled_by";
const LINES: &str = "lines";
const TAXED: &str = "prices_include_tax";
const GROSS: &str = "lines.gross";
const UNIT_PRICE: &str = "lines.unit_price";
const UNIT: &str = "lines.unit";

/// Which of the fields that are taken and not shown.
#[derive(Clone, Copy)]
enum Which {
    All,
    Only(&'static [&'static str]),
}

/// The fields of a collection that come from the journal of commands.
pub(super) fn fields(collection: &str, taken: &Fields, shown: &Fields) -> Fields {
    let Some((.., which)) = COLLECTIONS.iter().find(|(name, ..)| *name == collection) else {
        return Fields::default();
    };
    let is_wanted = |field: &str| match which {
        // A number says its series.
        Which::All => field != "series",
        Which::Only(names) => names.contains(&field),
    };
    let missing = |field: &&String| !shown.kinds.contains_key(*field) && is_wanted(field);
    let cancelled = (CANCELLED.to_owned(), Kind::Text);
    let kinds = taken.kinds.keys().filter(missing);
    let kinds: Vec<&String> = kinds.collect();
    Fields {
        lists: kinds
            .iter()
            .filter_map(|field| Some(taken.place(field).0?.to_owned()))
            .collect(),
        kinds: kinds
            .into_iter()
            .map(|field| (field.clone(), taken.kinds[field]))
            .chain((collection != "products").then_some(cancelled))
            .collect(),
    }
}

/// What was asked for, with the currencies that its amounts are in.
struct Asked<'a> {
    body: &'a Map<String, Value>,
    currency: Currency,
    base: Currency,
}

impl Interchange {
    /// Adds to documents what they were posted with.
    pub(super) async fn add_asked(
        &self,
        ctx: &RequestContext,
        shape: &Shape,
        documents: &mut [Value],
    ) -> Result<(), ApiError> {
        let of = COLLECTIONS.iter().find(|(name, ..)| *name == shape.collection);
        let Some((_, kind, _)) = of.filter(|_| !shape.asked.kinds.is_empty()) else {
            return Ok(());
        };
        let numbers: Vec<Arc<str>> = documents.iter().filter_map(number).collect();
        let posted = self.api.commands.posted_by(ctx, *kind, &numbers).await?;
        let posted: HashMap<Arc<str>, PostedBy> = posted.into_iter().map(|by| (Arc::clone(&by.number), by)).collect();
        let base = self.api.document_currency(ctx, None).await?;
        let mut taxed_orders = HashMap::new();
        for document in documents {
            let Some(by) = number(document).and_then(|number| posted.get(&number)) else {
                continue;
            };
            if let Some(cancellation) = &by.cancelled_by {
                document[CANCELLED] = Value::from(&**cancellation);
            }
            // Its kind stands around it.
            let command = serde_json::to_value(&by.command).unwrap_or_default();
            let Some(body) = command.as_object().and_then(|of| of.values().next()?.as_object()) else {
                continue;
            };
            let said = [body.get("currency"), document.get("currency")];
            let said = said.into_iter().find_map(|text| text?.as_str()?.parse().ok());
            let currency = said.unwrap_or(base);
            let asked = Asked { body, currency, base };
            add(shape, document, &asked);
            let order = asked.order().filter(|_| shape.asked.kinds.contains_key(TAXED));
            let Some(order) = order.filter(|_| !asked.includes_tax()) else {
                continue;
            };
            if !taxed_orders.contains_key(order) {
                let taxed = self.is_taxed(ctx, shape, order).await?;
                taxed_orders.insert(order.to_owned(), taxed);
            }
            if taxed_orders.get(order) == Some(&true) {
                leave_to_the_order(document);
            }
        }
        Ok(())
    }

    /// Whether the prices of an order include their taxes: what is shown of the lines that are for it is without them.
    async fn is_taxed(&self, ctx: &RequestContext, shape: &Shape, order: &str) -> Result<bool, ApiError> {
        let orders = if shape.takes("supplier") {
            "purchase-orders"
        } else {
            "sales-orders"
        };
        let (_, order) = self.get(ctx, &format!("/erp/v1/{orders}/{}", encoded(order))).await?;
        Ok(order[TAXED] == true)
    }
}

/// The lines without their prices, which are the order's.
fn leave_to_the_order(document: &mut Value) {
    let lines = document["lines"].as_array_mut().into_iter().flatten();
    for line in lines.filter_map(Value::as_object_mut) {
        line.retain(|name, _| !["net", "value"].contains(&name.as_str()));
    }
}

fn number(document: &Value) -> Option<Arc<str>> {
    let text = document["number"].as_str().or_else(|| document["code"].as_str());
    text.map(Arc::from)
}

fn add(shape: &Shape, document: &mut Value, asked: &Asked<'_>) {
    let includes_tax = shape.asked.kinds.contains_key(TAXED) && asked.includes_tax();
    let of_lines = |field: &&String| includes_tax && shape.taken.place(field).0 == Some(LINES);
    let replaced = shape.taken.kinds.keys().filter(of_lines);
    let fields: BTreeSet<&String> = shape.asked.kinds.keys().chain(replaced).collect();
    let lists: BTreeSet<&str> = fields.iter().filter_map(|field| shape.taken.place(field).0).collect();
    for list in lists {
        let of_list = fields.iter().map(|field| shape.taken.place(field));
        let names: Vec<&str> = of_list
            .filter(|(of, _)| *of == Some(list))
            .map(|(_, name)| name)
            .collect();
        let said = asked
            .body
            .get(list)
            .and_then(Value::as_array)
            .filter(|lines| !lines.is_empty());
        match said {
            Some(lines) if includes_tax || !document[list].is_array() => {
                let lines = lines.iter().filter_map(Value::as_object);
                document[list] = lines.map(|line| asked.of_list(list).fields(line, &names)).collect();
            }
            // All that was left of the order, at its prices.
            None if includes_tax => leave_to_the_order(document),
            _ => {}
        }
    }
    for field in fields.into_iter().filter(|field| shape.taken.place(field).0.is_none()) {
        if field == CANCELLED {
            continue;
        }
        // Where nobody said when, it was when it was posted.
        let is_time = shape.taken.kinds.get(field) == Some(&Kind::Time);
        let at = || is_time.then(|| document["moved_at"].clone());
        document[field] = asked.value(asked.body, field).or_else(at).unwrap_or_default();
    }
}

impl Asked<'_> {
    fn includes_tax(&self) -> bool {
        self.body.get(TAXED) == Some(&Value::Bool(true))
    }

    fn order(&self) -> Option<&str> {
        self.body.get("order")?.as_str()
    }

    /// Stock is worth what it is in the currency of the company.
    fn of_list(&self, list: &str) -> Self {
        let currency = if list == "stock" { self.base } else { self.currency };
        Self { currency, ..*self }
    }

    fn fields(&self, of: &Map<String, Value>, names: &[&str]) -> Value {
        let said = names
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), self.value(of, name)?)));
        Value::Object(said.collect())
    }

    /// A field of the command or of one of its lines, as the API takes it.
    fn value(&self, of: &Map<String, Value>, name: &str) -> Option<Value> {
        let amount = |minor: i64, currency| Some(amount_text(minor, currency).into());
        match name {
            "settles" => return self.settles(of.get(name)?),
            "gross" => return amount(of.get("price")?["net"].as_i64()?, self.currency),
            "unit_price" => return of.get("price")?.get("unit").cloned(),
            _ => {}
        }
        if let Some(said) = of.get(name).filter(|said| !said.is_null()) {
            return Some(said.clone());
        }
        if let Some(micro) = of.get(&format!("{name}_micro")).and_then(Value::as_i64) {
            return Some(quantity_text(micro).into());
        }
        let own = of.get("currency").and_then(|text| text.as_str()?.parse().ok());
        let currency = if name == "base" {
            self.base
        } else {
            own.unwrap_or(self.currency)
        };
        amount(of.get(&format!("{name}_minor"))?.as_i64()?, currency)
    }

    /// `oldest`, or the documents with what of them is settled.
    fn settles(&self, said: &Value) -> Option<Value> {
        let Some(named) = said["named"].as_array() else {
            return said.is_string().then(|| said.clone());
        };
        let named = named.iter().filter_map(Value::as_object);
        Some(
            named
                .map(|input| self.fields(input, &["kind", "number", "amount"]))
                .collect(),
        )
    }
}
