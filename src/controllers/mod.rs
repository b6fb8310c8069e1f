//! The controllers of the control plane: pure functions from what is to what shall be written.
//!
//! A controller holds no store, no clock and no randomness. It is handed a read-only `View`, a key and the time,
//! and answers with actions and a wish to come back. `sim` carries the actions out, in order.

mod api_service;
pub mod attach_detach;
mod certificates;
mod cluster_role_aggregation;
mod cron_job;
pub mod csi;
mod custom_resource_definition;
mod daemon_set;
pub mod default_service_cidr;
mod deployment;
pub mod disruption;
pub mod endpoint_slice;
mod endpoint_slice_mirroring;
pub mod endpoints;
mod ephemeral_volume;
mod external_attacher;
pub mod flow_control;
mod garbage_collector;
mod horizontal_pod_autoscaler;
mod job;
pub mod kubernetes_service;
pub mod metrics;
mod namespace;
pub(crate) mod node_ipam;
pub mod node_lifecycle;
pub mod persistent_volume;
mod pod_gc;
pub mod pods;
pub mod provisioner;
pub mod pv_protection;
pub mod pvc_protection;
pub mod repair_ip_address;
mod replica_set;
mod replication_controller;
pub mod resizer;
mod resource_quota;
pub mod scheduler;
mod service_accounts;
pub mod service_cidrs;
mod stateful_set;
mod taint_eviction;
pub(crate) mod ttl;
mod ttl_after_finished;
pub mod vac_protection;
mod validating_admission_policy_status;
mod volume_data_source_validator;
pub mod volume_snapshot;

use std::sync::Arc;

pub use crate::api::request::{DeleteOptions, Deletion, Propagation};
use crate::api::{Duration, Kind, Object, ObjectKey, Time};
use crate::error::ApiError;
use crate::store::{Change, Store, View};

/// Every controller of the control plane. The node side has its own slice in `node`.
#[rustfmt::skip]
pub const CONTROLLERS: &[&dyn Controller] = &[
    &api_service::AvailableController,
    &attach_detach::AttachDetachController,
    &certificates::CsrCleaner,
    &certificates::CsrSigner,
    &cluster_role_aggregation::ClusterRoleAggregationController,
    &cron_job::CronJobController,
    &csi::CapacityController,
    &custom_resource_definition::CustomResourceDefinitionController,
    &daemon_set::DaemonSetsController,
    &default_service_cidr::DefaultServiceCidrController,
    &deployment::DeploymentController,
    &disruption::DisruptionController,
    &endpoint_slice::EndpointSliceController,
    &endpoint_slice_mirroring::EndpointSliceMirroringController,
    &endpoints::EndpointsController,
    &ephemeral_volume::EphemeralVolumeController,
    &external_attacher::ExternalAttacher,
    &flow_control::FlowControlController,
    &garbage_collector::GarbageCollector,
    &horizontal_pod_autoscaler::HorizontalController,
    &job::JobController,
    &kubernetes_service::KubernetesServiceController,
    &namespace::NamespaceController,
    &node_ipam::NodeIpamController,
    &node_lifecycle::NodeLifecycleController,
    &persistent_volume::PersistentVolumeController,
    &pod_gc::PodGcController,
    &provisioner::CloningProtectionController,
    &provisioner::ProvisionController,
    &pv_protection::PvProtectionController,
    &pvc_protection::PvcProtectionController,
    &repair_ip_address::RepairIpAddress,
    &replica_set::ReplicaSetController,
    &replication_controller::ReplicationManager,
    &resizer::expand::ExpandController,
    &resizer::external::ExternalResizer,
    &resizer::modify::ModifyController,
    &scheduler::Scheduler,
    &resource_quota::ResourceQuotaController,
    &service_accounts::ServiceAccountsController,
    &service_cidrs::ServiceCidrController,
    &stateful_set::StatefulSetController,
    &taint_eviction::TaintEvictionController,
    &ttl::TtlController,
    &ttl_after_finished::TtlAfterFinishedController,
    &vac_protection::VacProtectionController,
    &validating_admission_policy_status::ValidatingAdmissionPolicyStatusController,
    &volume_data_source_validator::VolumeDataSourceValidator,
    &volume_snapshot::CsiSnapshotter,
    &volume_snapshot::SnapshotController,
];

/// A control loop.
pub trait Controller: Sync {
    /// Its name, which timers are kept under: `persistentvolume`, `statefulset`.
    fn name(&self) -> &'static str;

    /// Names the keys to look at because something changed. The keys are this controller's own: of the kind that
    /// `reconcile` expects.
    fn on_change(&self, view: &View<'_>, change: &Change, enqueue: &mut dyn FnMut(ObjectKey));

    /// The kind of which every object is to be looked at, too: after several changes at once that is done once.
    fn on_change_all(&self, _view: &View<'_>, _change: &Change) -> Option<Kind> {
        None
    }

    /// Whether it has looked at such a change before others have done what they do of it: they need several requests.
    fn looks_first(&self, _change: &Change) -> bool {
        false
    }

    /// Looks at one key and says what to write. The object may be gone.
    fn reconcile(&self, view: &View<'_>, key: &ObjectKey, now: Time) -> Outcome;

    /// Whether its resync takes keys in no order of their own: it lists an informer's store, which is a Go map.
    fn resyncs_by_lot(&self) -> bool {
        false
    }

    /// How long a key waits after it has failed.
    fn rate_limiter(&self) -> RateLimiter {
        RateLimiter::DEFAULT
    }
}

/// How long a key of a work queue waits after failures in a row. Mirrors `TypedItemExponentialFailureRateLimiter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimiter {
    /// The wait after the first failure; it doubles with each further one.
    pub base_delay: Duration,
    /// The longest wait.
    pub max_delay: Duration,
    /// After how many retries the key is dropped until something changes; none for never.
    pub max_retries: Option<u32>,
}

impl RateLimiter {
    /// `DefaultTypedControllerRateLimiter`.
    pub const DEFAULT: RateLimiter =
        RateLimiter { base_delay: Duration::millis(5), max_delay: Duration::secs(1000), max_retries: None };

    /// How long to wait after one failure more than `failures`; none when the key is dropped.
    pub fn when(&self, failures: u32) -> Option<Duration> {
        if self.max_retries.is_some_and(|most| failures >= most) {
            return None;
        }
        let doubled = self.base_delay.0.saturating_mul(1 << failures.min(30));
        Some(Duration(doubled).min(self.max_delay))
    }
}

/// What a reconcile ends with.
#[derive(Default)]
pub struct Outcome {
    /// What to write and to tell, in order. A refused write ends the list unless its step says otherwise.
    pub actions: Vec<Action>,
    /// When to look at the key again though nothing changed.
    pub requeue: Option<Requeue>,
    /// Whether the look itself was put off: then it says nothing of whether the key still fails.
    pub postponed: bool,
}

/// When to look at a key again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// After that time something will get on: a settling cluster waits for it.
    After(Duration),
    /// A resync or a backoff that may repeat for ever: a settling cluster does not wait for it.
    Recurring(Duration),
}

/// One thing to do.
pub enum Action {
    /// A request to the API server.
    Write(Step),
    /// An event to record.
    Event(EventDraft),
    /// Give up here: the key is looked at again after a backoff.
    Fail(ApiError),
    /// Something to do with what runs in pods, or with disks; what follows from its answer.
    Machine(Machining),
    /// Lets what is in a pod, by uid, run as far as it gets at this moment, with the cluster around it.
    Run(String),
    /// Something to remember that is no API object; `View::note` reads it.
    Note {
        /// What it is about, `pod-address/NODE`.
        name: String,
        /// What to remember.
        value: String,
    },
}

/// A request, and what follows from its answer.
pub struct Step {
    /// The request.
    pub write: Write,
    /// Said after the answer is known: further actions, in place of going on when the write was refused.
    pub then: Option<Then>,
}

/// What follows from the API server's answer. For a deletion the object is the one that was deleted.
pub type Then = Box<dyn FnOnce(&Result<Arc<Object>, ApiError>) -> Vec<Action>>;

/// What is done to the pods that run and to the disks, at a time, and what follows.
pub type Machining = Box<dyn FnOnce(&mut Store, Time) -> Vec<Action>>;

/// A request to the API server.
#[derive(Debug, Clone)]
pub enum Write {
    /// Make a new object; its name may be left to `generateName`.
    Create(Object),
    /// Replace all but the status. The object's resourceVersion says what the change was decided on.
    Update(Object),
    /// Replace the status alone.
    UpdateStatus(Object),
    /// Replace the finalizers in a namespace's spec (the `namespaces/finalize` subresource).
    Finalize(Object),
    /// Delete.
    Delete(Deletion),
    /// Bind a pod to a node (the `pods/binding` subresource).
    Bind {
        /// The pod.
        pod: ObjectKey,
        /// The node's name.
        node: String,
    },
}

/// An event to be recorded; equal ones are counted, not repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventDraft {
    /// The object that it is about.
    pub about: About,
    /// `Normal` or `Warning`.
    pub warning: bool,
    /// A word in CamelCase.
    pub reason: String,
    /// The sentence.
    pub message: String,
    /// Who says so: `persistentvolume-controller`, `kubelet`.
    pub component: String,
    /// The node where it is said; empty for controllers.
    pub host: String,
}

/// The object that an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its key.
    pub key: ObjectKey,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion at that time.
    pub resource_version: String,
    /// A part of it, such as `spec.containers{web}`; empty for the whole.
    pub field_path: String,
}

impl About {
    /// The whole of an object.
    pub fn object(object: &Object) -> About {
        About {
            key: object.key(),
            uid: object.uid().to_string(),
            resource_version: object.meta().resource_version.clone().unwrap_or_default(),
            field_path: String::new(),
        }
    }

    /// One container of a pod.
    pub fn container(pod: &Object, container: &str) -> About {
        About { field_path: format!("spec.containers{{{container}}}"), ..About::object(pod) }
    }
}

impl EventDraft {
    /// An event of type Normal.
    pub fn normal(about: About, component: &str, reason: &str, message: impl Into<String>) -> EventDraft {
        EventDraft {
            about,
            warning: false,
            reason: reason.to_string(),
            message: message.into(),
            component: component.to_string(),
            host: String::new(),
        }
    }

    /// An event of type Warning.
    pub fn warning(about: About, component: &str, reason: &str, message: impl Into<String>) -> EventDraft {
        EventDraft { warning: true, ..EventDraft::normal(about, component, reason, message) }
    }

    /// The same event, said on a node.
    pub fn on(mut self, node: &str) -> EventDraft {
        self.host = node.to_string();
        self
    }
}

impl Write {
    /// Makes an object.
    pub fn create(object: impl Into<Object>) -> Write {
        Write::Create(object.into())
    }

    /// Replaces all but the status.
    pub fn update(object: impl Into<Object>) -> Write {
        Write::Update(object.into())
    }

    /// Replaces the status.
    pub fn update_status(object: impl Into<Object>) -> Write {
        Write::UpdateStatus(object.into())
    }

    /// The write as an action that ends the list when it is refused.
    pub fn action(self) -> Action {
        Action::Write(Step { write: self, then: None })
    }

    /// The write as an action whose answer leads to further ones. After a refusal only those are done.
    pub fn then(self, then: impl FnOnce(&Result<Arc<Object>, ApiError>) -> Vec<Action> + 'static) -> Action {
        Action::Write(Step { write: self, then: Some(Box::new(then)) })
    }
}

impl Outcome {
    /// Nothing to do.
    pub fn done() -> Outcome {
        Outcome::default()
    }

    /// Adds an action.
    pub fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Adds a write that ends the list when it is refused.
    pub fn write(&mut self, write: Write) {
        self.actions.push(write.action());
    }

    /// Adds an event.
    pub fn event(&mut self, event: EventDraft) {
        self.actions.push(Action::Event(event));
    }

    /// Remembers something that is no API object.
    pub fn note(&mut self, name: impl Into<String>, value: impl ToString) {
        self.actions.push(Action::Note { name: name.into(), value: value.to_string() });
    }

    /// Does something with what runs in pods, or with disks, and then what follows from its answer.
    pub fn machine(&mut self, work: impl FnOnce(&mut Store, Time) -> Vec<Action> + 'static) {
        self.actions.push(Action::Machine(Box::new(work)));
    }

    /// Asks to come back when something will have got on. The earlier of two wishes holds.
    pub fn after(&mut self, wait: Duration) {
        self.requeue = Some(match self.requeue {
            Some(Requeue::After(earlier)) if earlier <= wait => Requeue::After(earlier),
            _ => Requeue::After(wait),
        });
    }

    /// Puts the look itself off: what failed before is not mended by that, and its backoff goes on to grow.
    pub fn postpone(&mut self, wait: Duration) {
        self.after(wait);
        self.postponed = true;
    }

    /// Asks to come back for a resync or a backoff, unless an earlier wish stands.
    pub fn recurring(&mut self, wait: Duration) {
        match self.requeue {
            Some(Requeue::After(_)) => {}
            Some(Requeue::Recurring(earlier)) if earlier <= wait => {}
            _ => self.requeue = Some(Requeue::Recurring(wait)),
        }
    }
}
