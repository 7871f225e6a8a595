//! The reading side: what a group of commands refers to, documents, reports, and the check of the books.

mod answers;
mod bills;
mod books;
mod carried;
mod commands;
mod company;
mod contacts;
mod documents;
mod fiscal;
mod journal;
mod lines;
mod master_data;
mod number_series;
mod open_items;
mod orders;
mod posted;
mod purchasing;
mod records;
mod reports;
mod rulebook;
mod settings;
mod standing;
mod stock;
mod stock_documents;
mod taxes;
mod verify;

pub(crate) use books::books;
pub(crate) use company::state;
pub(crate) use journal::entry_of;
pub(crate) use number_series::choice;
pub(crate) use settings::Settings;

/// First rows of a page: SQL that goes on after an id, oldest first, within one tenant. The ids are time-ordered.
const PAGE: &str = " WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT $3";
