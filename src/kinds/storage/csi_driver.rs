//! CSIDriver.
//!
//! Mirrors `pkg/registry/storage/csidriver/strategy.go` and `pkg/apis/storage/validation`.

use std::collections::BTreeSet;

use crate::api::k8s::api::storage::v1::CSIDriver;
use crate::error::FieldError;
use crate::kinds::Column;
use crate::kinds::PrintContext;
use crate::kinds::Strategy;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::meta::FIELD_IMMUTABLE;
use crate::kinds::shared::print;

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("CREATED AT").until(17),
    Column::new("ATTACHREQUIRED").since(18),
    Column::new("PODINFOONMOUNT").since(18),
    Column::new("STORAGECAPACITY").since(21),
    Column::new("TOKENREQUESTS").since(21),
    Column::new("REQUIRESREPUBLISH").since(21),
    Column::new("MODES").since(18),
    Column::new("AGE").since(18),
];

const FS_GROUP_POLICIES: &[&str] = &["File", "None", "ReadWriteOnceWithFSType"];
const LIFECYCLE_MODES: &[&str] = &["Ephemeral", "Persistent"];

const TOKENS_IN_ATTRIBUTES: &str = "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to \
    true to prevent possible logging of tokens in volume attributes";

impl Strategy for CSIDriver {
    fn set_defaults(&mut self) {
        let spec = &mut self.spec;
        spec.attach_required.get_or_insert(true);
        spec.pod_info_on_mount.get_or_insert(false);
        spec.storage_capacity.get_or_insert(false);
        spec.fs_group_policy.get_or_insert_with(|| "ReadWriteOnceWithFSType".into());
        if items(&spec.volume_lifecycle_modes).is_empty() {
            spec.volume_lifecycle_modes = Some(vec!["Persistent".into()]);
        }
        spec.requires_republish.get_or_insert(false);
        spec.se_linux_mount.get_or_insert(false);
    }

    fn validate(&self) -> Vec<FieldError> {
        let (spec, at) = (&self.spec, |field: &str| format!("spec.{field}"));
        let mut faults = Vec::new();
        if let Some(policy) = spec.fs_group_policy.as_deref().filter(|p| !FS_GROUP_POLICIES.contains(p)) {
            faults.push(FieldError::not_supported(at("fsGroupPolicy"), policy, FS_GROUP_POLICIES));
        }
        faults.extend(self.validate_token_requests());
        for mode in items(&spec.volume_lifecycle_modes).iter().filter(|m| !LIFECYCLE_MODES.contains(&m.as_str())) {
            faults.push(FieldError::not_supported(at("volumeLifecycleModes"), mode, LIFECYCLE_MODES));
        }
        if let Some(period) = spec.node_allocatable_update_period_seconds.filter(|p| *p < 10) {
            let detail = "must be greater than or equal to 10 seconds";
            faults.push(FieldError::invalid(at("nodeAllocatableUpdatePeriodSeconds"), period, detail));
        }
        if let Some(secrets) = spec.service_account_token_in_secrets
            && items(&spec.token_requests).is_empty()
        {
            let detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
            faults.push(FieldError::invalid(at("serviceAccountTokenInSecrets"), secrets, detail));
        }
        faults
    }

    fn warnings_on_create(&self) -> Vec<String> {
        let exposed =
            !items(&self.spec.token_requests).is_empty() && self.spec.service_account_token_in_secrets.is_none();
        exposed.then(|| TOKENS_IN_ATTRIBUTES.to_string()).into_iter().collect()
    }

    fn warnings_on_update(&self, old: &Self) -> Vec<String> {
        let changed = self.spec.token_requests != old.spec.token_requests;
        if changed { self.warnings_on_create() } else { Vec::new() }
    }

    fn validate_update(&self, old: &Self) -> Vec<FieldError> {
        let mut faults = self.validate();
        if self.spec.attach_required != old.spec.attach_required {
            let value = self.spec.attach_required;
            faults.push(FieldError::invalid("spec.attachedRequired", value, FIELD_IMMUTABLE));
        }
        if self.spec.volume_lifecycle_modes != old.spec.volume_lifecycle_modes {
            let value = &self.spec.volume_lifecycle_modes;
            faults.push(FieldError::invalid("spec.volumeLifecycleModes", value, FIELD_IMMUTABLE));
        }
        faults
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let spec = &self.spec;
        let audiences = spec.token_requests.as_ref().map(|all| {
            let audiences: Vec<&str> = all.iter().map(|t| t.audience.as_str()).collect();
            audiences.join(",")
        });
        let modes = items(&spec.volume_lifecycle_modes).join(",");
        vec![
            text(&self.metadata.name).into(),
            print::created_at(&self.metadata),
            spec.attach_required.unwrap_or(true).to_string(),
            spec.pod_info_on_mount.unwrap_or(false).to_string(),
            spec.storage_capacity.unwrap_or(false).to_string(),
            audiences.unwrap_or_else(|| "<unset>".into()),
            spec.requires_republish.unwrap_or(false).to_string(),
            if modes.is_empty() { "<none>".into() } else { modes },
            print::age(&self.metadata, context),
        ]
    }
}

/// The methods that the trait has no place for.
trait TokenRequests {
    fn validate_token_requests(&self) -> Vec<FieldError>;
}

impl TokenRequests for CSIDriver {
    fn validate_token_requests(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        for (i, request) in items(&self.spec.token_requests).iter().enumerate() {
            let path = format!("spec.tokenRequests[{i}]");
            if !seen.insert(&request.audience) {
                faults.push(FieldError::duplicate(format!("{path}.audience"), &request.audience));
                continue;
            }
            let Some(seconds) = request.expiration_seconds else { continue };
            let field = format!("{path}.expirationSeconds");
            if seconds < 600 {
                faults.push(FieldError::invalid(&field, seconds, "may not specify a duration less than 10 minutes"));
            }
            if seconds > 1 << 32 {
                let detail = "may not specify a duration larger than 2^32 seconds";
                faults.push(FieldError::invalid(&field, seconds, detail));
            }
        }
        faults
    }
}
