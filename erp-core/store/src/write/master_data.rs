use cortex_erp::postings::Document;
use cortex_erp::{Party, Product};
use cortex_store::{StoreError, WriteTransaction};

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    let mut parties: Vec<(&Numbered<'_>, &Party)> = Vec::new();
    let mut products: Vec<(&Numbered<'_>, &Product)> = Vec::new();
    for command in numbered {
        match &command.accepted.postings.document {
            Document::Party(party) => parties.push((command, party)),
            Document::Product(product) => products.push((command, product)),
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
        "created_at",
        "tx_no",
    ];
    transaction
        .insert_rows("parties", &columns, &parties, |row, (command, party)| {
            row.bind(id(party.id.0))
                .bind(command.tenant)
                .bind(&*party.code)
                .bind(party.kind.as_str());
            row.bind(party.name_sealed.as_deref()).bind(&*party.country);
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
        "created_at",
        "tx_no",
    ];
    transaction
        .insert_rows("products", &columns, &products, |row, (command, product)| {
            row.bind(id(product.id.0))
                .bind(command.tenant)
                .bind(&*product.code)
                .bind(product.description.as_str());
            row.bind(product.kind.as_str())
                .bind(product.unit.as_str())
                .bind(product.currency.as_str());
            row.bind(product.list_price_minor)
                .bind(product.created_at)
                .bind(command.tx_no);
        })
        .await
}
