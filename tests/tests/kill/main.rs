//! `kill -9`, at random points of an import, under many writers and while another database is read: what was acknowledged is there, and nothing is there twice.

mod import;
mod racing;
mod replication;
