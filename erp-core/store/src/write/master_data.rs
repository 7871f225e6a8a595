use std::collections::BTreeMap;
use std::sync::Arc;

use cortex_erp::postings::Document;
use cortex_erp::{Location, Party, Product, ProductUnit};
use cortex_store::{StoreError, WriteTransaction};
use uuid::Uuid;

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut parties: BTreeMap<(&str, &Arc<str>), (&Numbered<'_>, &Party)> = BTreeMap::new();
    let mut products: BTreeMap<(&str, &Arc<str>), (&Numbered<'_>, &Product)> = BTreeMap::new();
    let mut locations: BTreeMap<(&str, &Arc<str>), (&Numbered<'_>, &Location)> = BTreeMap::new();
    let mut units: BTreeMap<Uuid, (&Numbered<'_>, &ProductUnit)> = BTreeMap::new();
    for command in numbered {
        // The newest of a group: it may define one more than once.
        match &command.accepted.postings.document {
            Document::Party(party) => {
                parties.insert((command.tenant, &party.code), (command, party));
            }
            Document::Product(product) => {
                products.insert((command.tenant, &product.code), (command, product));
            }
            Document::ProductUnit(unit) => {
                units.insert(unit.id, (command, unit));
            }
            Document::Location(location) => {
                locations.insert((command.tenant, &location.code), (command, location));
            }
            _ => {}
        }
    }
    let columns = [
        "id",
        "tenant_id",
        "code",
        "kind",
        "name_sealed",
        "country",
        "payment_days",
        "credit_limit_minor",
        "credit_currency",
        "created_at",
        "tx_no",
    ];
    let parties: Vec<_> = parties.into_values().collect();
    transaction
        .upsert_rows("parties", (&columns, 1), &parties, |row, (command, party)| {
            row.bind(id(party.id.0))
                .bind(command.tenant)
                .bind(&*party.code)
                .bind(party.kind.as_str());
            row.bind(party.name_sealed.as_deref()).bind(&*party.country);
            row.bind(party.terms.payment_days.map(i64::from));
            row.bind(party.terms.credit_limit.map(|(minor, _)| minor));
            row.bind(party.terms.credit_limit.map(|(_, currency)| currency.to_string()));
            row.bind(party.created_at).bind(command.tx_no);
        })
        .await?;
    let columns = [
        "id",
        "tenant_id",
        "code",
        "description",
        "kind",
        "unit",
        "currency",
        "list_price_minor",
        "valuation",
        "created_at",
        "tx_no",
    ];
    let products: Vec<_> = products.into_values().collect();
    transaction
        .upsert_rows("products", (&columns, 1), &products, |row, (command, product)| {
            row.bind(id(product.id.0))
                .bind(command.tenant)
                .bind(&*product.code)
                .bind(product.description.as_str());
            row.bind(product.kind.as_str())
                .bind(product.unit.as_str())
                .bind(product.currency.as_str());
            row.bind(product.list_price_minor)
                .bind(product.valuation.as_str())
                .bind(product.created_at)
                .bind(command.tx_no);
        })
        .await?;
    let units: Vec<_> = units.into_values().collect();
    save_units(transaction, &units).await?;
    let columns = [
        "id",
        "tenant_id",
        "code",
        "name",
        "negative_stock",
        "created_at",
        "tx_no",
    ];
    let locations: Vec<_> = locations.into_values().collect();
    transaction
        .upsert_rows("locations", (&columns, 1), &locations, |row, (command, location)| {
            row.bind(id(location.id.0)).bind(command.tenant).bind(&*location.code);
            row.bind(location.name.as_str()).bind(location.negative_stock.as_str());
            row.bind(location.created_at).bind(command.tx_no);
        })
        .await
}

async fn save_units(
    transaction: &mut WriteTransaction,
    units: &[(&Numbered<'_>, &ProductUnit)],
) -> Result<(), StoreError> {
    let columns = [
        "id",
        "tenant_id",
        "product_id",
        "product_code",
        "unit",
        "factor",
        "created_at",
        "tx_no",
    ];
    transaction
        .upsert_rows("product_units", (&columns, 1), units, |row, (command, unit)| {
            row.bind(id(unit.id)).bind(command.tenant).bind(id(unit.product_id.0));
            row.bind(&*unit.product_code).bind(unit.unit.as_str());
            row.bind(unit.factor.to_string())
                .bind(unit.created_at)
                .bind(command.tx_no);
        })
        .await
}
