//! Answers that were given before.

use cortex_erp::{Answered, Receipt};
use cortex_store::sql::Row;

use crate::rows::{Columns, unreadable};

pub(super) const ANSWERS: &str = "SELECT idempotency_key, digest, receipt FROM commands";

pub(super) fn answered(row: &Row) -> Result<Answered, sqlx::Error> {
    let digest = row.text("digest")?;
    let bytes = hex::decode(&*digest)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    Ok(Answered {
        digest: bytes.ok_or_else(|| unreadable("digest", &digest))?,
        receipt: receipt(row)?,
    })
}

pub(super) fn receipt(row: &Row) -> Result<Receipt, sqlx::Error> {
    let receipt = row.text("receipt")?;
    serde_json::from_str(&receipt).map_err(|_| unreadable("receipt", &receipt))
}
