//! What texts that stand for something look like, for who reads `/openapi.json`: clients are made from it, and testers make up
//! requests by it.

use cortex_erp::valuation::Method;
use cortex_erp::{
    APPROVED_KINDS, APPROVING_ROLES, AccountKind, Allocation, CreditReason, DocumentKind, DraftState, NegativeStock,
    PartyKind, PaymentDirection, ProductKind, Role, TaxRounding,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Object, ObjectBuilder, OpenApi, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::drafts;
use crate::idempotency::SHARED_LENGTH_MAX;

pub(crate) const DECIMAL: &str = r"^-?[0-9]{1,28}(\.[0-9]{1,28})?$";
pub(crate) const TIME: &str =
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$";
/// Visible, and not trimmed on the way.
const KEY: &str = "^[!-~]([ -~]*[!-~])?$";
const KEY_LENGTH_MAX: usize = 200;
const ETAG: &str = "^(W/)?\"?[0-9]{1,18}\"?$";

/// A schema of its own, under its name.
macro_rules! schema {
    ($name:ident, $as:literal, $schema:expr) => {
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object: ObjectBuilder = $schema;
                RefOr::T(Schema::Object(object.build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                $as.into()
            }
        }
    };
}

fn text(pattern: &str, about: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .description(Some(about))
        .examples([example])
}

schema!(
    DecimalText,
    "Decimal",
    text(
        DECIMAL,
        "A decimal that is kept exactly, as a text or as a number.",
        "12.50"
    )
    .schema_type(SchemaType::from_iter([Type::String, Type::Number]))
);
schema!(
    Time,
    "Time",
    text(
        TIME,
        "A time of RFC 3339, or a date: its first instant, in UTC.",
        "2011-06-30T12:00:00Z"
    )
);
schema!(CurrencyCode, "CurrencyCode", text("^[A-Z]{3}$", "Of ISO 4217.", "GBP"));

/// One of a set of words, as they are read.
fn words<T: Serialize>(all: &[T]) -> ObjectBuilder {
    let words = all.iter().filter_map(|word| serde_json::to_value(word).ok());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

schema!(AccountKindWord, "AccountKind", words(AccountKind::ALL));
schema!(RoleWord, "Role", words(Role::ALL));
schema!(TaxRoundingWord, "TaxRounding", words(&TaxRounding::ALL));
schema!(CreditReasonWord, "CreditReason", words(&CreditReason::ALL));
schema!(NegativeStockWord, "NegativeStock", words(&NegativeStock::ALL));
schema!(PartyKindWord, "PartyKind", words(&PartyKind::ALL));
schema!(ProductKindWord, "ProductKind", words(&ProductKind::ALL));
schema!(ValuationWord, "Valuation", words(&Method::ALL));
schema!(PaymentDirectionWord, "PaymentDirection", words(&PaymentDirection::ALL));
schema!(
    AllocationWord,
    "Allocation",
    words(&[Allocation::ByValue, Allocation::ByQuantity])
);

schema!(ApprovedKindWord, "ApprovedKind", words(&APPROVED_KINDS));
schema!(NumberedKindWord, "NumberedKind", words(&DocumentKind::numbered()));
schema!(ApprovingRoleWord, "ApprovingRole", words(&APPROVING_ROLES));

/// What is said once, of what many operations have.
pub(crate) fn of_operations(mut document: OpenApi) -> OpenApi {
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            say_that_it_may_be_repeated(operation);
            for parameter in operation.parameters.iter_mut().flatten() {
                let RefOr::T(parameter) = parameter else { continue };
                let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else {
                    continue;
                };
                match parameter.name.as_str() {
                    "Idempotency-Key" => {
                        // Keys of many requests at once are made of it.
                        let shared = path.ends_with("/batch") || path.contains("/imports/");
                        let most = if shared { SHARED_LENGTH_MAX } else { KEY_LENGTH_MAX };
                        (schema.min_length, schema.max_length) = (Some(1), Some(most));
                        schema.pattern = Some(KEY.to_owned());
                    }
                    "If-Match" => schema.pattern = Some(ETAG.to_owned()),
                    "as_of" | "from" => schema.pattern = Some(TIME.to_owned()),
                    "id" => schema.format = Some(SchemaFormat::Custom("uuid".to_owned())),
                    "collection" if path.starts_with("/erp/v1/{collection}/") => one_of(schema, &drafts::COLLECTIONS),
                    "state" if path.ends_with("/drafts") => {
                        schema.enum_values = words(DraftState::ALL).build().enum_values;
                    }
                    "format" => one_of(schema, &["csv", "json", "parquet"]),
                    _ => {}
                }
            }
        }
    }
    document
}

fn one_of(schema: &mut Object, words: &[&str]) {
    schema.enum_values = Some(words.iter().copied().map(Value::from).collect());
}

/// Whatever has a key answers a second time as it did the first, and says so by its status.
fn say_that_it_may_be_repeated(operation: &mut Operation) {
    let parameters = operation.parameters.iter().flatten();
    let mut keys = parameters.filter(|of| matches!(of, RefOr::T(of) if of.name == "Idempotency-Key"));
    let answers = &mut operation.responses.responses;
    if keys.next().is_some()
        && !answers.contains_key("200")
        && let Some(RefOr::T(made)) = answers.get("201")
    {
        let mut again = made.clone();
        again.description = "Done before, under the same key".to_owned();
        answers.insert("200".to_owned(), RefOr::T(again));
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
    all.into_iter().flatten()
}
