//! Row-level security on PostgreSQL. A file has none: there the statements alone hold tenants apart.

use std::sync::Arc;

use cortex_store::sql::{self, Pool, Transaction};
use cortex_store::testing::Scratch;
use cortex_store::{Database, Known, Migration, MigrationSet, StoreError};
use cortex_types::{RequestContext, SystemClock, TenantId};
use futures::TryStreamExt;

const SLIPS: MigrationSet = MigrationSet {
    name: "slips",
    migrations: &[Migration {
        version: 1,
        name: "slips",
        sql: "CREATE TABLE slips (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, tx_no BIGINT NOT NULL)",
    }],
    captured: &["slips"],
    posted: &[],
    tenants_apart: true,
};
/// Its second migration makes the table anew.
const WEIGHED: MigrationSet = MigrationSet {
    migrations: &[
        SLIPS.migrations[0],
        Migration {
            version: 2,
            name: "slips_with_weights",
            sql: "CREATE TABLE slips_with_weights (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, weight BIGINT, \
                  tx_no BIGINT NOT NULL);\n\
                  INSERT INTO slips_with_weights SELECT id, tenant_id, 1, tx_no FROM slips;\n\
                  DROP TABLE slips;\nALTER TABLE slips_with_weights RENAME TO slips;",
        },
    ],
    ..SLIPS
};
const COUNT: &str = "SELECT count(*) FROM slips";

fn tenant(slug: &str) -> TenantId {
    TenantId::new(slug).unwrap()
}

/// With two slips of acme and one of bolt, written together; and one connection that reads. `None` on a file.
async fn store() -> Option<(Scratch, Database)> {
    let mut scratch = Scratch::new().await;
    scratch.config.readers_max = 1;
    let database = scratch.open(&[SLIPS], Arc::new(SystemClock)).await;
    if scratch.is_file() {
        return None;
    }
    let mut write = database.begin().await.unwrap();
    let metas = ["acme", "acme", "bolt"].map(|slug| (RequestContext::system(tenant(slug)), Known::ByClock));
    let numbers = write.transactions(&metas).await.unwrap();
    let slips: Vec<_> = numbers.iter().zip(&metas).collect();
    write
        .insert_rows(
            "slips",
            &["id", "tenant_id", "tx_no"],
            &slips,
            |row, (number, (ctx, _))| {
                row.bind(number.to_string())
                    .bind(ctx.tenant.as_str())
                    .bind(number.cast_signed());
            },
        )
        .await
        .unwrap();
    write.commit().await.unwrap();
    Some((scratch, database))
}

async fn seen(readers: &Pool) -> i64 {
    sql::query_scalar(COUNT).fetch_one(readers).await.unwrap()
}

async fn seen_in(transaction: &mut Transaction) -> i64 {
    sql::query_scalar(COUNT).fetch_one(transaction).await.unwrap()
}

#[tokio::test]
async fn a_reader_sees_whom_it_is_for_and_leaves_nothing_on_its_connection() {
    let Some((_scratch, database)) = store().await else {
        return;
    };
    let (acme, bolt) = (
        database.readers_of(&tenant("acme")),
        database.readers_of(&tenant("bolt")),
    );
    for _ in 0..2 {
        assert_eq!(seen(database.readers()).await, 0);
        assert_eq!(seen(&acme).await, 2);
        assert_eq!(
            seen(database.readers()).await,
            0,
            "after somebody else's on the same connection"
        );
        assert_eq!(seen_in(&mut bolt.snapshot().await.unwrap()).await, 1);
        assert_eq!(seen_in(&mut database.readers().snapshot().await.unwrap()).await, 0);
        let rows = sql::query("SELECT id FROM slips").fetch(&acme);
        assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 2);
        let mut left = sql::query("SELECT id FROM slips").fetch(&acme);
        left.try_next().await.unwrap();
        drop(left);
        assert_eq!(seen(&bolt).await, 1, "after a stream that nobody read to its end");
    }
}

#[tokio::test]
async fn a_writer_reaches_whom_it_works_for_until_it_ends_however_it_ends() {
    let Some((_scratch, database)) = store().await else {
        return;
    };
    for commits in [true, false] {
        let mut write = database.begin().await.unwrap();
        assert_eq!(seen_in(write.connection()).await, 0, "before it works for anybody");
        write.work_for([&tenant("bolt")]).await.unwrap();
        assert_eq!(seen_in(write.connection()).await, 1);
        write.work_for([&tenant("acme"), &tenant("bolt")]).await.unwrap();
        assert_eq!(seen_in(write.connection()).await, 3);
        match commits {
            true => drop(write.commit().await.unwrap()),
            false => drop(write),
        }
    }
    let mut write = database.begin().await.unwrap();
    assert_eq!(seen_in(write.connection()).await, 0);
    write.work_for([]).await.unwrap();
    let slipped_in = "INSERT INTO slips (id, tenant_id, tx_no) VALUES ('x', 'acme', 1)";
    let refused = sql::query(slipped_in).execute(write.connection()).await.unwrap_err();
    assert!(refused.to_string().contains("row-level security"), "{refused}");
}

#[tokio::test]
async fn a_reader_whose_connection_the_server_closed_reads_on_another() {
    let Some((_scratch, database)) = store().await else {
        return;
    };
    let acme = database.readers_of(&tenant("acme"));
    for snapshot in [false, true, false] {
        let mut write = database.begin().await.unwrap();
        let closed: Vec<bool> = sql::query_scalar(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_all(write.connection())
        .await
        .unwrap();
        assert_eq!(closed, [true]);
        drop(write);
        let seen = match snapshot {
            true => seen_in(&mut acme.snapshot().await.unwrap()).await,
            false => seen(&acme).await,
        };
        assert_eq!(seen, 2);
    }
}

#[tokio::test]
async fn a_migration_carries_everybody_s_rows_over_and_what_it_makes_is_held_apart() {
    let Some((scratch, database)) = store().await else {
        return;
    };
    database.close().await;
    let database = scratch.open(&[WEIGHED], Arc::new(SystemClock)).await;
    assert_eq!(seen(database.readers()).await, 0);
    assert_eq!(seen(&database.readers_of(&tenant("acme"))).await, 2);
    assert_eq!(seen(&database.readers_of(&tenant("bolt"))).await, 1);
}

#[tokio::test]
async fn what_was_loosened_is_tight_again_after_the_next_start() {
    let Some((scratch, database)) = store().await else {
        return;
    };
    for loosened in [
        "ALTER TABLE slips DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE slips NO FORCE ROW LEVEL SECURITY",
    ] {
        let mut write = database.begin().await.unwrap();
        sql::query(loosened).execute(write.connection()).await.unwrap();
        write.commit().await.unwrap();
        assert_eq!(seen(database.readers()).await, 3, "{loosened}");
        let again = scratch.open(&[SLIPS], Arc::new(SystemClock)).await;
        assert_eq!(seen(again.readers()).await, 0, "{loosened}");
        again.close().await;
    }
}

#[tokio::test]
async fn a_table_without_a_tenant_is_refused_where_tenants_are_held_apart() {
    let scratch = Scratch::new().await;
    if scratch.is_file() {
        return;
    }
    let tenantless = MigrationSet {
        migrations: &[Migration {
            version: 1,
            name: "slips",
            sql: "CREATE TABLE slips (id TEXT PRIMARY KEY)",
        }],
        captured: &[],
        ..SLIPS
    };
    let database = Database::open(&scratch.config, Arc::new(SystemClock)).await.unwrap();
    let refused = database.migrate(&[tenantless]).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Tenantless { table } if table == "slips"),
        "{refused}"
    );
}
