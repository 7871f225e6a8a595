//! A whole company through the HTTP API of the real binary: what one month of it comes to, and that no other tenant sees or
//! changes anything of it.

mod foreign;
mod month;
mod script;
mod table;
mod tenants;
