use std::borrow::Cow;
use std::sync::Arc;

use cortex_features::{Definitions, Entity, EntityKey, FeatureError, FeatureRef, OnlineStore, OnlineVectors};
use cortex_security::{Area, Authorizer, Permission, SecurityError, Verb};
use cortex_types::{Clock, RequestContext};

/// A read of more entities would hold up everybody else's.
pub(crate) const ENTITIES_MAX: usize = 1_000;

/// The online store, what it holds, and who may ask it.
#[derive(Clone, Debug)]
pub struct FeaturesApi {
    pub store: Arc<dyn OnlineStore>,
    pub definitions: Arc<Definitions>,
    pub authorizer: Arc<dyn Authorizer>,
    /// Decides as of when features are read.
    pub clock: Arc<dyn Clock>,
}

impl FeaturesApi {
    pub(crate) fn may_read(&self, ctx: &RequestContext) -> Result<(), SecurityError> {
        self.authorizer
            .authorize(ctx, Permission::new(Area::Features, Verb::Read))
    }

    /// What is asked for: the features of `service`, or those named one by one as `view:feature`.
    pub(crate) fn asked_for<'a>(
        &'a self,
        service: Option<&str>,
        features: &[impl AsRef<str>],
    ) -> Result<Cow<'a, [FeatureRef]>, FeatureError> {
        match (service.filter(|name| !name.is_empty()), features) {
            (Some(service), []) => Ok(Cow::Borrowed(&self.definitions.service(service)?.features)),
            (None, [_, ..]) => features.iter().map(|name| name.as_ref().parse()).collect(),
            _ => Err(FeatureError::Request(
                "name either features or one feature service".to_owned(),
            )),
        }
    }

    /// Reads the features of `keys` as of now.
    pub(crate) async fn read(
        &self,
        ctx: &RequestContext,
        features: &[FeatureRef],
        keys: &[EntityKey],
    ) -> Result<OnlineVectors, FeatureError> {
        if keys.len() > ENTITIES_MAX {
            let detail = format!(
                "it asks for {} entities, and {ENTITIES_MAX} are the most at a time",
                keys.len()
            );
            return Err(FeatureError::TooLarge(detail));
        }
        self.store.read(&ctx.tenant, features, keys, self.clock.now()).await
    }
}

/// The key of one entity; its parts in the order in which the entity declares them.
pub(crate) fn entity_key(entity: &Entity, parts: &[impl AsRef<str>]) -> Result<EntityKey, FeatureError> {
    match parts {
        _ if parts.len() != entity.join_keys.len() => Err(FeatureError::Request(format!(
            "a key of {} has {} parts ({}), not {}",
            entity.name,
            entity.join_keys.len(),
            entity.join_keys.join(", "),
            parts.len()
        ))),
        [only] => Ok(EntityKey::single(only.as_ref())),
        parts => Ok(EntityKey::composite(parts.iter().map(AsRef::as_ref))),
    }
}
