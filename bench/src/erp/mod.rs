//! The ERP of the real binary on a PostgreSQL of its own: what posting, revaluing, reporting and reading take, each beside what
//! the database takes for the same rows, in the same run.

mod backdating;
mod client;
mod company;
mod comparison;
mod posting;
mod reads;
mod reference;
mod tables;
mod tpc_b;
mod trial_balance;

use std::path::Path;

use anyhow::{Result, bail};
use clap::Args;

use self::comparison::{Comparison, Recording};
use self::posting::{BATCH, BATCH_CLIENTS, CLIENTS};
use self::reference::{Reference, Way};
use crate::Options;
use crate::cpu;
use crate::flush;
use crate::load::Volume;
use crate::postgres::{MISSING, Postgres};
use crate::server::Server;
use crate::terminal::show;

/// The product's database.
const DATABASE: &str = "cortex";

#[derive(Debug, Args)]
#[command(next_help_heading = "Of `erp`")]
pub struct ErpOptions {
    /// Sales invoices of five lines that are posted one to a call, once more 500 to a call, and by each reference.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    documents: u64,
    /// Journal lines that the trial balance is drawn up over; they are loaded by SQL. With 0 it is not measured.
    #[arg(long, default_value_t = 5_000_000)]
    journal_lines: u64,
    /// Issues of the one product whose receipts come late.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    later_moves: u64,
    /// Receipts that come late, one after the other. With 0 it is not measured.
    #[arg(long, default_value_t = 200)]
    late_receipts: u32,
    /// Seconds that each read is asked for, at 100 a second. With 0 they are not measured.
    #[arg(long, default_value_t = 2)]
    read_seconds: u32,
    /// Has PostgreSQL count its statements while invoices are posted, and shows the costliest. That costs some of its speed.
    #[arg(long)]
    statements: bool,
}

/// `named`: it was asked for by its name, so a machine that cannot is an error.
pub async fn run(options: &Options, named: bool) -> Result<()> {
    let counted = [
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track_planning=on",
    ];
    let settings = if options.erp.statements { &counted[..] } else { &[] };
    let Some(postgres) = Postgres::start(settings).await? else {
        if named {
            bail!(MISSING);
        }
        show(&format!("erp: not measured, {MISSING}"));
        return Ok(());
    };
    // The server is no child of ours: whoever interrupts us does not reach it.
    tokio::select! {
        done = measure(options, postgres) => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

async fn measure(options: &Options, postgres: Postgres) -> Result<()> {
    let data = tempfile::tempdir()?;
    postgres.create(DATABASE, None).await?;
    show("the ERP on PostgreSQL, a private server with Debian's settings, on this machine's disk and processors");
    let one_at_a_time = Volume {
        rate: 100,
        seconds: 2,
        connections: 1,
    };
    if let Some(busy) = cpu::others_at_work() {
        show(&busy);
    }
    show("append of 4 KiB, flushed to the same disk, open loop");
    show(&format!("  {}", flush::run(postgres.folder(), one_at_a_time)?));
    tpc_b::run(&postgres).await?;
    let bench = Bench {
        options,
        postgres,
        data: data.path(),
    };
    bench.post().await?;
    bench.work().await
}

struct Bench<'a> {
    options: &'a Options,
    postgres: Postgres,
    data: &'a Path,
}

impl Bench<'_> {
    async fn server(&self) -> Result<Server> {
        let url = self.postgres.url(DATABASE);
        Server::start_on(&self.options.cortex, self.data, Some(&url)).await
    }

    /// Ends a server, and with it the sessions that the database counts rows by.
    async fn end(&self, server: Server) -> Result<()> {
        drop(server);
        tables::alone(&self.postgres, DATABASE).await
    }

    /// Invoices one to a call, and many, each beside its reference.
    async fn post(&self) -> Result<()> {
        let documents = self.options.erp.documents;
        let server = self.server().await?;
        company::found(server.http).await?;
        cpu::idle(server.pid()).await;
        self.end(server).await?;

        let server = self.server().await?;
        let recording = Recording::begin(&self.postgres, self.options.erp.statements).await?;
        let singles = posting::singles(&server, self.postgres.pid(), 0..documents).await?;
        let caught_up = cpu::idle(server.pid()).await;
        let peak = server.memory_bytes_peak();
        self.end(server).await?;
        let recorded = recording.finish(&self.postgres).await?;
        show("");
        show(&format!(
            "sales invoices of {} lines of goods, {documents} of them, 1 to a call, {CLIENTS} clients, each waiting for its answer",
            company::LINES
        ));
        comparison::show_posted(&singles, peak);
        show(&format!(
            "  {:.1} documents a commit",
            recorded.documents_per_commit(documents)
        ));
        show(&format!(
            "  the change stream caught up {:.1} s after the last answer",
            caught_up.as_secs_f64()
        ));
        recorded.show_statements(documents);

        let mut reference = Reference::of(&self.postgres, DATABASE, documents).await?;
        let way = |connections, documents_per_commit, in_turn| Way {
            connections,
            documents_per_commit,
            in_turn,
        };
        let in_turn = reference.run(&self.postgres, way(CLIENTS, 1, true)).await?;
        let at_once = reference.run(&self.postgres, way(CLIENTS, 1, false)).await?;
        let blocks = reference.run(&self.postgres, way(BATCH_CLIENTS, BATCH, true)).await?;
        show(
            "  beside the same rows by SQL inside the server, without any logic, 1 document to a commit, 16 connections:",
        );
        comparison::beside("commits numbered in turn, as the product's are", &singles, &in_turn);
        comparison::beside("commits that need no number of their own", &singles, &at_once);
        let bytes = reference.product_bytes(&self.postgres).await?;
        Comparison {
            documents,
            product: &recorded.tables,
            bytes: &bytes,
            reference: &in_turn,
        }
        .show();

        show("");
        show(&format!("the same, {BATCH} to a call, {BATCH_CLIENTS} clients"));
        let server = self.server().await?;
        cpu::idle(server.pid()).await;
        let recording = Recording::begin(&self.postgres, self.options.erp.statements).await?;
        let posted = posting::batches(&server, self.postgres.pid(), documents..2 * documents).await?;
        let peak = server.memory_bytes_peak();
        self.end(server).await?;
        let recorded = recording.finish(&self.postgres).await?;
        let Some(posted) = posted else {
            show("  not measured: this binary has no /erp/v1/batch");
            show(&format!(
                "  the same rows by SQL, {BATCH} documents to a commit, {BATCH_CLIENTS} connections: {:.0} documents/s",
                blocks.per_second()
            ));
            return Ok(());
        };
        comparison::show_posted(&posted, peak);
        recorded.show_statements(documents);
        show(&format!(
            "  beside the same rows by SQL, {BATCH} documents to a commit, {BATCH_CLIENTS} connections:"
        ));
        comparison::beside("commits numbered in turn, as the product's are", &posted, &blocks);
        Ok(())
    }

    /// What is done with books that have something in them.
    async fn work(&self) -> Result<()> {
        let options = &self.options.erp;
        let server = self.server().await?;
        company::documents_of_each_kind(server.http).await?;
        cpu::idle(server.pid()).await;
        if options.read_seconds > 0 {
            reads::run(server.http, options.read_seconds, self.options.connections).await?;
        }
        if options.late_receipts > 0 {
            let (moves, receipts) = (options.later_moves, options.late_receipts);
            backdating::run(&server, &self.postgres, DATABASE, moves, receipts).await?;
            cpu::idle(server.pid()).await;
        }
        if options.journal_lines > 0 {
            trial_balance::run(&server, &self.postgres, DATABASE, options.journal_lines).await?;
        }
        show("");
        show(&format!(
            "server's peak memory over all of that: {} MiB",
            server.memory_bytes_peak() >> 20
        ));
        Ok(())
    }
}
