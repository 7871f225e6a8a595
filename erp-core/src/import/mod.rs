//! History from elsewhere, brought in through [`Erp`](crate::Erp) like any other command: with idempotency keys, so
//! that running an import again adds nothing.

pub mod online_retail;
