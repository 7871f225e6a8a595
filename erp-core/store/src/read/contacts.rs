use cortex_erp::{Books, Contact, Page, References};
use cortex_store::sql::{self, Pool, Row, Transaction};
use sqlx::AssertSqlSafe;

use super::books::rows;
use super::documents::page_of;
use crate::rows::Columns;

const CONTACTS: &str = "SELECT id, party_id, party_code, code, role, name_sealed, email_sealed, phone_sealed, is_primary, \
                        blocked, created_at FROM contacts";

fn contact(row: &Row) -> Result<Contact, sqlx::Error> {
    Ok(Contact {
        id: row.parsed("id")?,
        party_id: row.parsed("party_id")?,
        party_code: row.text("party_code")?,
        code: row.text("code")?,
        role: row.try_get("role")?,
        name_sealed: row.try_get("name_sealed")?,
        email_sealed: row.try_get("email_sealed")?,
        phone_sealed: row.try_get("phone_sealed")?,
        is_primary: row.try_get("is_primary")?,
        blocked: row.try_get("blocked")?,
        created_at: row.time("created_at")?,
    })
}

/// Those of the parties that were asked for.
pub(super) async fn load(
    on: &mut Transaction,
    tenant: &str,
    wanted: &References,
    books: &mut Books,
) -> Result<(), sqlx::Error> {
    let parties: Vec<&str> = wanted.contacts.iter().map(|code| &**code).collect();
    for row in rows(on, CONTACTS, "party_code", tenant, &parties).await? {
        let contact = contact(&row)?;
        let contacts = books.contacts.entry(contact.party_code.clone()).or_default();
        contacts.push(contact);
    }
    Ok(())
}

pub(super) async fn page(
    readers: &Pool,
    tenant: &str,
    party: Option<&str>,
    page: &Page,
) -> Result<Vec<Contact>, sqlx::Error> {
    let Some(party) = party else {
        let rows = page_of(readers, CONTACTS, tenant, page).await?;
        return rows.iter().map(contact).collect();
    };
    let of_party = format!("{CONTACTS} WHERE tenant_id = $1 AND party_code = $2 AND id > $3 ORDER BY id LIMIT $4");
    let rows = sql::query(AssertSqlSafe(of_party))
        .bind(tenant)
        .bind(party)
        .bind(page.after.as_deref().unwrap_or_default())
        .bind(i64::from(page.limit()))
        .fetch_all(readers)
        .await?;
    rows.iter().map(contact).collect()
}

pub(super) async fn one(readers: &Pool, tenant: &str, party: &str, code: &str) -> Result<Option<Contact>, sqlx::Error> {
    let of_code = format!("{CONTACTS} WHERE tenant_id = $1 AND party_code = $2 AND code = $3");
    let row = sql::query(AssertSqlSafe(of_code))
        .bind(tenant)
        .bind(party)
        .bind(code)
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(contact).transpose()
}
