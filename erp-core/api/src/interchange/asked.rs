//! What documents were posted with and their lists do not show, such as what a stock count counted: read from the journal of
//! commands, in the words of the API, so that a file has all that it takes to post them again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cortex_erp::{DocumentKind, ErpError};
use cortex_runtime::http::ApiError;
use cortex_types::{Currency, RequestContext};
use serde_json::{Map, Value};

use super::Interchange;
use super::shape::{Fields, Kind, Shape, encoded};
use crate::decimals::{amount_text, quantity_text};

/// Documents that say no more of themselves than what they did, or not all that they were posted with.
const COLLECTIONS: [(&str, DocumentKind, Asked); 13] = [
    (
        "credit-notes",
        DocumentKind::CreditNote,
        Asked::Only(&["invoice", "location", TAXED, GROSS, UNIT_PRICE]),
    ),
    ("deliveries", DocumentKind::Delivery, Asked::All),
    ("landed-costs", DocumentKind::LandedCost, Asked::All),
    ("opening-balances", DocumentKind::OpeningBalance, Asked::All),
    ("payments", DocumentKind::Payment, Asked::Only(&["settles"])),
    ("products", DocumentKind::Product, Asked::Only(&["standard_cost"])),
    ("purchase-bills", DocumentKind::PurchaseBill, Asked::Only(&[TAXED])),
    (
        "purchase-receipts",
        DocumentKind::PurchaseReceipt,
        Asked::Only(&["location", "due_at", TAXED]),
    ),
    ("purchase-returns", DocumentKind::PurchaseReturn, Asked::All),
    (
        "sales-invoices",
        DocumentKind::SalesInvoice,
        Asked::Only(&["location", TAXED, GROSS, UNIT_PRICE]),
    ),
    ("stock-adjustments", DocumentKind::StockAdjustment, Asked::All),
    ("stock-counts", DocumentKind::StockCount, Asked::All),
    ("stock-transfers", DocumentKind::StockTransfer, Asked::All),
];

const TAXED: &str = "prices_include_tax";
const GROSS: &str = "lines.gross";
const UNIT_PRICE: &str = "lines.unit_price";

/// Which of the fields that are taken and not shown.
#[derive(Clone, Copy)]
enum Asked {
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
        Asked::All => field != "series",
        Asked::Only(names) => names.contains(&field),
    };
    let missing = |field: &&String| !shown.kinds.contains_key(*field) && is_wanted(field);
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
            .collect(),
    }
}

/// A command, with the currencies that its amounts are in.
struct Command<'a> {
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
        let asked = self.api.commands.posted_by(ctx, *kind, &numbers).await?;
        let base = self.api.document_currency(ctx, None).await?;
        let mut bodies = HashMap::with_capacity(asked.len());
        for (number, command) in asked {
            let command =
                serde_json::to_value(command).map_err(|error| ErpError::invalid("command", error.to_string()))?;
            // Its kind stands around it.
            let body = command
                .as_object()
                .and_then(|of| of.values().next()?.as_object().cloned());
            bodies.extend(body.map(|body| (number, body)));
        }
        for document in documents {
            let Some(body) = number(document).and_then(|number| bodies.get(&number)) else {
                continue;
            };
            let said = [body.get("currency"), document.get("currency")];
            let said = said.into_iter().find_map(|text| text?.as_str()?.parse().ok());
            let currency = said.unwrap_or(base);
            add(shape, document, &Command { body, currency, base });
            if self.has_prices_of_order(ctx, shape, body).await? {
                leave_to_the_order(document, body);
            }
        }
        Ok(())
    }

    /// Whether it is for an order whose prices include their taxes, and says none itself: what is shown of its lines is without them.
    async fn has_prices_of_order(
        &self,
        ctx: &RequestContext,
        shape: &Shape,
        body: &Map<String, Value>,
    ) -> Result<bool, ApiError> {
        let orders = if shape.taken.kinds.contains_key("supplier") {
            "purchase-orders"
        } else {
            "sales-orders"
        };
        let (Some(order), None) = (body.get("order").and_then(Value::as_str), body.get(TAXED)) else {
            return Ok(false);
        };
        let (_, order) = self.get(ctx, &format!("/erp/v1/{orders}/{}", encoded(order))).await?;
        Ok(shape.asked.kinds.contains_key(TAXED) && order[TAXED] == true)
    }
}

/// The lines without their prices, where the command said none.
fn leave_to_the_order(document: &mut Value, body: &Map<String, Value>) {
    let asked = body
        .get("lines")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let lines = document["lines"].as_array_mut().into_iter().flatten();
    for (place, line) in lines.filter_map(Value::as_object_mut).enumerate() {
        let said = asked
            .get(place)
            .is_some_and(|line| line["value_minor"].is_i64() || line["price"].is_object());
        line.retain(|name, _| said || !["net", "value"].contains(&name.as_str()));
    }
}

fn number(document: &Value) -> Option<Arc<str>> {
    let text = document["number"].as_str().or_else(|| document["code"].as_str());
    text.map(Arc::from)
}

fn add(shape: &Shape, document: &mut Value, command: &Command<'_>) {
    // What is shown of their lines is without their taxes.
    let lines = (shape.asked.kinds.contains_key(TAXED) && command.includes_tax()).then_some("lines");
    let of_lines = |field: &&String| lines.is_some() && shape.taken.place(field).0 == lines;
    let replaced = shape.taken.kinds.keys().filter(of_lines);
    let fields: BTreeSet<&String> = shape.asked.kinds.keys().chain(replaced).collect();
    let lists: BTreeSet<&str> = fields.iter().filter_map(|field| shape.taken.place(field).0).collect();
    for list in lists {
        if lines == Some(list) || !document[list].is_array() {
            let of_command = command.body.get(list).and_then(Value::as_array);
            let names = fields.iter().map(|field| shape.taken.place(field));
            let names: Vec<&str> = names
                .filter(|(of, _)| *of == Some(list))
                .map(|(_, name)| name)
                .collect();
            let lines = of_command.into_iter().flatten().filter_map(Value::as_object);
            document[list] = lines.map(|line| command.fields(line, &names)).collect();
        }
    }
    for field in fields.into_iter().filter(|field| shape.taken.place(field).0.is_none()) {
        // Where nobody said when, it was when it was posted.
        let is_time = shape.taken.kinds.get(field) == Some(&Kind::Time);
        let at = || is_time.then(|| document["moved_at"].clone());
        document[field] = command.value(command.body, field).or_else(at).unwrap_or_default();
    }
}

impl Command<'_> {
    fn includes_tax(&self) -> bool {
        self.body.get(TAXED) == Some(&Value::Bool(true))
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
