use std::collections::BTreeMap;

use cortex_erp::Contact;
use cortex_erp::postings::Document;
use cortex_store::{StoreError, WriteTransaction};
use cortex_types::ContactId;

use super::{Numbered, id};

pub(super) async fn save(transaction: &mut WriteTransaction, numbered: &[Numbered<'_>]) -> Result<(), StoreError> {
    // The newest of a group: it may define one more than once.
    let mut newest: BTreeMap<ContactId, (&Numbered<'_>, &Contact)> = BTreeMap::new();
    for command in numbered {
        if let Document::Contact { contact, displaced } = &command.accepted.postings.document {
            for one in displaced.iter().chain([contact]) {
                newest.insert(one.id, (command, one));
            }
        }
    }
    let mut contacts: Vec<_> = newest.into_values().collect();
    // Row by row no party has two that are asked first.
    contacts.sort_by_key(|(_, contact)| contact.is_primary);
    let columns = [
        "id",
        "tenant_id",
        "party_id",
        "party_code",
        "code",
        "role",
        "name_sealed",
        "email_sealed",
        "phone_sealed",
        "is_primary",
        "blocked",
        "created_at",
        "tx_no",
    ];
    transaction
        .upsert_rows("contacts", (&columns, 1), &contacts, |row, (command, contact)| {
            row.bind(id(contact.id.0))
                .bind(command.tenant)
                .bind(id(contact.party_id.0));
            row.bind(&*contact.party_code)
                .bind(&*contact.code)
                .bind(contact.role.as_str());
            row.bind(contact.name_sealed.as_deref())
                .bind(contact.email_sealed.as_deref())
                .bind(contact.phone_sealed.as_deref());
            row.bind(contact.is_primary).bind(contact.blocked);
            row.bind(contact.created_at).bind(command.tx_no);
        })
        .await
}
