//! `cortex up`: boot, serve, drain.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use cortex_runtime::boot::{Boot, Ioc};
use cortex_runtime::config::{Flag, Loaded};
use cortex_runtime::lifecycle::Status;
use cortex_runtime::telemetry::{MetricsPage, init_logs, install_metrics};
use cortex_runtime::{Readiness, Supervisor};
use cortex_types::{SystemClock, TraceId};

use super::say;
use crate::cli::Globals;
use crate::config::Config;
use crate::demo::mark;
use crate::failure::{AppError, Failure};
use crate::platform::Platform;
use crate::providers::{MIGRATION_SETS, Providers, open_database};
use crate::rehearsal::Rehearsal;
use crate::roles::{GrpcHealth, Listeners, Routers, routers, stop_requested};

/// Runs all roles in one process: ERP, ingest, features, registry, serving, experience.
///
/// Listens on loopback. Another address is refused unless 'security.authentication' is 'tokens'.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cortex up                                     http://127.0.0.1:8000, gRPC on 127.0.0.1:8001
  cortex up --data /srv/cortex --http 127.0.0.1:9000
  cortex up --dry-run                           would it start? Binds and writes nothing
  CORTEX__SECURITY__AUTHENTICATION=tokens cortex up --http 0.0.0.0:8000")]
pub struct Up {
    /// Address for HTTP [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Address for gRPC [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDR")]
    grpc: Option<SocketAddr>,
    /// Do everything but bind and write: the migrations are rehearsed on a copy of the database
    #[arg(long, conflicts_with = "migrate_only")]
    dry_run: bool,
    /// Stop after the migrations
    #[arg(long)]
    migrate_only: bool,
}

impl Up {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let (config, boot) = self.configuration(globals).await?;
        if self.dry_run {
            return dry_run(&config, boot).await;
        }
        match boot_platform(config.into_inner(), boot, self.migrate_only).await? {
            Some(booted) => booted.serve().await,
            None => {
                say("the database is up to date");
                Ok(())
            }
        }
    }

    /// CFG
    async fn configuration(&self, globals: &Globals) -> Result<(Loaded<Config>, Boot<Ioc>), Failure> {
        let work = async {
            let config = Config::load(&globals.sources(self.flags()), None)?;
            init_logs(&config.log, "cortex", &globals.env).map_err(|problem| config.refuse("log.level", problem))?;
            Ok::<_, Failure>(config)
        };
        Boot::begin().configuration(work).await
    }

    fn flags(&self) -> Vec<Flag> {
        let http = self.http.map(|addr| Flag {
            name: "--http",
            key: "http.addr",
            value: addr.to_string(),
        });
        let grpc = self.grpc.map(|addr| Flag {
            name: "--grpc",
            key: "grpc.addr",
            value: addr.to_string(),
        });
        http.into_iter().chain(grpc).collect()
    }
}

/// Everything but the listeners.
struct Booted {
    platform: Platform,
    supervisor: Supervisor,
    routers: Routers,
    readiness: Readiness,
    trace_id: TraceId,
}

/// IOC to HEALTH; `None` where it was to end after the migrations.
async fn boot_platform(config: Config, boot: Boot<Ioc>, migrate_only: bool) -> Result<Option<Booted>, Failure> {
    let metrics = install_metrics(env!("CARGO_PKG_VERSION"));
    let (providers, boot) = boot
        .providers(Providers::build(&config, mark::clock_of(&config.data_dir)))
        .await?;
    let (mut supervisor, boot) = boot
        .supervision(async { Ok::<_, Failure>(Supervisor::default()) })
        .await?;
    let modules = async {
        providers.migrate().await?;
        if migrate_only {
            Ok::<_, Failure>(None)
        } else {
            Platform::assemble(config, providers).await.map(Some)
        }
    };
    let (platform, boot) = boot.modules(modules).await?;
    let Some(platform) = platform else { return Ok(None) };
    platform.supervise(&mut supervisor);
    let grpc_health = GrpcHealth::booting().await;
    supervisor.part(Arc::new(grpc_health.clone()));
    let readiness = readiness(&platform, &supervisor);
    let mount = async { mount(&platform, &readiness, metrics, &grpc_health) };
    let (routers, boot) = boot.routes(mount).await?;
    let ((), boot) = boot.health(refuse_if_down(&readiness)).await?;
    let trace_id = boot.finish().trace_id;
    Ok(Some(Booted {
        platform,
        supervisor,
        routers,
        readiness,
        trace_id,
    }))
}

fn readiness(platform: &Platform, supervisor: &Supervisor) -> Readiness {
    let checks = platform.checks().into_iter().chain(supervisor.task_checks()).collect();
    Readiness::new(supervisor.phases(), checks)
}

fn mount(
    platform: &Platform,
    readiness: &Readiness,
    metrics: MetricsPage,
    grpc_health: &GrpcHealth,
) -> Result<Routers, Failure> {
    routers(&platform.config, platform, readiness.clone(), metrics, grpc_health)
}

/// HEALTH: a process that could serve nothing does not start; one that is degraded does, and says so.
async fn refuse_if_down(readiness: &Readiness) -> Result<(), Failure> {
    for dependency in readiness.report().await.dependencies {
        let detail = dependency.detail.unwrap_or_default();
        match dependency.status {
            Status::Up => {}
            Status::Degraded => tracing::warn!(dependency = dependency.name, detail, "degraded"),
            Status::Down => return Err(AppError::Unhealthy(format!("{} is down: {detail}", dependency.name)).into()),
        }
    }
    Ok(())
}

impl Booted {
    async fn serve(self) -> Result<(), Failure> {
        let Self {
            platform,
            supervisor,
            routers,
            trace_id,
            ..
        } = self;
        let listeners = Listeners::bind(&platform.config).await?;
        let running = supervisor.start().await?;
        let (http, grpc) = listeners
            .addresses()
            .map_err(|error| AppError::Invalid(error.to_string()))?;
        let in_flight = listeners.serve(routers, &running.draining());
        running.ready().await;
        tracing::info!(%trace_id, %http, %grpc, data = %platform.config.data_dir.display(), "cortex is up");

        let signal = stop_requested()
            .await
            .map_err(|error| AppError::Invalid(error.to_string()))?;
        tracing::info!(signal, timeout_ms = platform.config.drain_timeout_ms, "draining");
        let report = running.drain(in_flight, platform.config.drain_timeout()).await;
        platform.close().await;
        match report.is_clean() {
            true => tracing::info!("drained; nothing was lost"),
            false => tracing::warn!(
                ?report,
                "the drain took longer than allowed; unanswered requests were cut off"
            ),
        }
        Ok(())
    }
}

/// A database on a server cannot be copied: what would be done to it is said instead.
async fn look_at_server(config: &Config) -> Result<(), Failure> {
    let database = open_database(config, Arc::new(SystemClock)).await?;
    database.hold().await?;
    let steps = database.outstanding_migrations(MIGRATION_SETS).await?;
    say(match steps.len() {
        0 => format!("{} is up to date", database.at()),
        steps => format!("{} would get {steps} migrations", database.at()),
    });
    database.close().await;
    Ok(())
}

/// Boots on a copy, and says what it found.
async fn dry_run(config: &Config, boot: Boot<Ioc>) -> Result<(), Failure> {
    if config.database.url.is_some() {
        look_at_server(config).await?;
    }
    let rehearsal = Rehearsal::of(config)?;
    let Some(booted) = boot_platform(rehearsal.config(config), boot, false).await? else {
        return Ok(());
    };
    for dependency in booted.readiness.report().await.dependencies {
        let detail = dependency.detail.unwrap_or_default();
        say(format!(
            "{:<16} {:<8} {detail}",
            dependency.name,
            format!("{:?}", dependency.status).to_lowercase()
        ));
    }
    booted.platform.close().await;
    say("dry run: it would start; nothing was bound, and nothing was written to the data folder");
    Ok(())
}
