//! `cortex token`: who may call the APIs.

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use cortex_store::{NewToken, SqlAuthenticator, TokenRecord};
use cortex_types::{Clock, Principal, RequestContext, Role, SystemClock, Timestamp};

use super::{say, values};
use crate::cli::{Globals, operator};
use crate::failure::{AppError, Failure};
use crate::providers::open_database;

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token. It is shown once; only its hash is stored
    ///
    /// Works while 'cortex up' runs. The token belongs to the tenant of --tenant.
    #[command(after_help = "\
Examples:
  cortex token create --name ada --role admin
  cortex token create --name nightly-scoring --role data-scientist --expires-in 90d
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8000/erp/v1/sales-invoices")]
    Create {
        /// Who will call with it: a person or a service
        #[arg(long)]
        name: String,
        /// admin, manager, clerk, data-scientist or viewer; may be given more than once
        #[arg(long = "role", required = true)]
        roles: Vec<Role>,
        /// How long it is valid, such as 12h or 90d, at most 3650d [default: until it is revoked]
        #[arg(long, value_name = "SPAN", value_parser = values::lifetime)]
        expires_in: Option<Duration>,
    },
    /// List the tokens of the tenant, newest first
    List,
    /// Refuse a token from now on
    Revoke {
        /// As 'cortex token list' shows it
        id: String,
    },
}

impl TokenCommand {
    pub async fn run(self, globals: &Globals) -> Result<(), Failure> {
        let config = globals.load()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = open_database(&config, Arc::clone(&clock)).await?;
        database.migrate(&[]).await?;
        let tokens = SqlAuthenticator::new(database.clone());
        let ctx = operator(&config);
        match self {
            Self::Create {
                name,
                roles,
                expires_in,
            } => {
                let expires_at = expires_in.map(|span| clock.now().saturating_add(span));
                // A tenant that was typed may be one that was mistyped.
                let new_tenant = globals.tenant.is_some() && !tokens.knows_tenant(&ctx).await?;
                create(&tokens, &ctx, name, roles, expires_at).await?;
                if new_tenant {
                    eprintln!(
                        "note: tenant '{}' is new: nothing was recorded for it before",
                        ctx.tenant
                    );
                }
            }
            Self::List => {
                for record in tokens.list_tokens(&ctx).await? {
                    say(line(&record, clock.now()));
                }
            }
            Self::Revoke { id } => {
                tokens.revoke_token(&ctx, &id).await?;
                say(format!("token {id} is revoked"));
            }
        }
        database.close().await;
        Ok(())
    }
}

/// The token alone goes to standard output, so that a script can take it; what is said of it goes to standard error.
async fn create(
    tokens: &SqlAuthenticator,
    ctx: &RequestContext,
    name: String,
    roles: Vec<Role>,
    expires_at: Option<Timestamp>,
) -> Result<(), Failure> {
    if name.trim().is_empty() {
        return Err(AppError::Invalid("--name must say who will call with the token".to_owned()).into());
    }
    // It stands in listings, logs and the audit chain, where it could otherwise pass for another line.
    if name.chars().any(char::is_control) {
        let problem = format!("--name has control characters ({name:?}): give one line of plain text");
        return Err(AppError::Invalid(problem).into());
    }
    let (token, record) = tokens
        .create_token(
            ctx,
            NewToken {
                principal: Principal::new(name, roles),
                expires_at,
            },
        )
        .await?;
    eprintln!(
        "token {} for '{}' in tenant '{}'; it is shown only now:",
        record.id, record.principal.id, record.tenant
    );
    say(token.expose());
    Ok(())
}

fn line(record: &TokenRecord, now: Timestamp) -> String {
    let roles: Vec<&str> = record.principal.roles.iter().map(|role| role.as_str()).collect();
    let state = match (record.revoked_at, record.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) if at <= now => format!("expired {at}"),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "no expiry".to_owned(),
    };
    format!(
        "{}  {:<24} {:<24} created {}  {state}",
        record.id,
        record.principal.id,
        roles.join(","),
        record.created_at
    )
}
