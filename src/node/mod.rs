//! What a kubelet does: the life of pods, containers and images on a node.
//!
//! Mirrors `pkg/kubelet`. What is in containers runs in `machine`; `runtime` stands between the two, as containerd does.

mod attach_timeout;
mod author;
mod conditions;
mod config;
mod container_status;
mod containers;
mod csi_registration;
pub mod disk;
mod ending;
mod ephemeral;
mod events;
mod eviction;
mod hooks;
mod images;
mod kubelet;
mod memory;
mod network;
pub mod node_disks;
mod node_processes;
mod node_status;
pub mod node_view;
mod pod_status;
mod pods;
mod prober;
mod remount;
mod resize;
mod restarts;
mod runtime;
pub mod static_provisioner;
mod stopping;
pub mod storage;
mod sync;
mod volume_expander;
mod volume_manager;
mod volumes;
mod words;

use crate::controllers::Controller;

/// The name of the control loop that looks after pods.
pub const KUBELET: &str = "kubelet";

/// The control loops of the node side.
pub const CONTROLLERS: &[&dyn Controller] = &[
    &csi_registration::CsiRegistration,
    &kubelet::Kubelet,
    &node_status::NodeStatusReporter,
    &remount::Reconciler,
    &static_provisioner::StaticProvisioner,
    &volume_expander::NodeExpander,
    &volume_manager::VolumeManager,
];

#[cfg(test)]
mod tests {
    use crate::api::request::Deletion;
    use crate::api::{Duration, Kind, Object, ObjectKey, Time};
    use crate::sim::{ClockMode, Cluster, Config};
    use crate::store::Index;

    fn cluster() -> Cluster {
        let config = Config { clock: ClockMode::Manual, ..Default::default() };
        Cluster::new_in_memory(config, Time::default()).unwrap()
    }

    fn create(cluster: &mut Cluster, kind: Kind, json: &str) {
        let object = Object::from_json(kind, json).unwrap();
        cluster.create(object).unwrap();
        cluster.converge().unwrap();
    }

    fn pod(name: &str, container: &str) -> String {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"default"}},"spec":{{"terminationGracePeriodSeconds":30,
            "containers":[{{"name":"c","imagePullPolicy":"IfNotPresent",{container}}}],
            "volumes":[]}}}}"#
        )
    }

    fn get(cluster: &Cluster, kind: Kind, name: &str) -> Option<serde_json::Value> {
        cluster.view().get(&ObjectKey::new(kind, "default", name)).map(|o| o.to_tree())
    }

    fn events(cluster: &Cluster, pod: &str) -> Vec<String> {
        let view = cluster.view();
        let uid = view.get(&ObjectKey::new(Kind::Pod, "default", pod)).unwrap().uid();
        view.indexed(Kind::Event, Index::EventObject, uid)
            .filter_map(|o| match &**o {
                Object::Event(e) => {
                    let of = |s: &Option<String>| s.clone().unwrap_or_default();
                    Some(format!("{} x{} {}", of(&e.reason), e.count.unwrap_or(1), of(&e.message)))
                }
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_pod_starts_and_is_stopped() {
        let mut cluster = cluster();
        create(&mut cluster, Kind::Pod, &pod("web", r#""image":"nginx:1.20""#));
        cluster.settle().unwrap();
        let web = get(&cluster, Kind::Pod, "web").unwrap();
        assert_eq!(web["status"]["phase"], "Running");
        assert_eq!(web["status"]["containerStatuses"][0]["image"], "docker.io/library/nginx:1.20");
        assert!(web["status"]["podIP"].as_str().unwrap().starts_with("10.42."));
        let said = events(&cluster, "web").join("\n");
        assert!(said.contains("Successfully assigned default/web to k3d-deadless-"), "{said}");
        assert!(said.contains("Successfully pulled image \"nginx:1.20\" in 1."), "{said}");
        let object = cluster.view().get(&ObjectKey::new(Kind::Pod, "default", "web")).unwrap().clone();
        cluster.delete(&Deletion::of(&object)).unwrap();
        cluster.converge().unwrap();
        assert!(get(&cluster, Kind::Pod, "web").is_some());
        cluster.settle().unwrap();
        assert!(get(&cluster, Kind::Pod, "web").is_none());
    }

    #[test]
    fn a_missing_image_backs_off_and_a_missing_configmap_is_waited_for() {
        let mut cluster = cluster();
        create(&mut cluster, Kind::Pod, &pod("bad", r#""image":"does-not-exist""#));
        let env = r#""image":"busybox","env":[{"name":"X","valueFrom":{"configMapKeyRef":{"name":"cm","key":"x"}}}]"#;
        create(&mut cluster, Kind::Pod, &pod("env", env));
        cluster.settle().unwrap();
        cluster.advance(Duration::secs(20)).unwrap();
        let reason = |cluster: &Cluster, name: &str| {
            get(cluster, Kind::Pod, name).unwrap()["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                .clone()
        };
        assert_eq!(reason(&cluster, "bad"), "ErrImagePull");
        assert_eq!(reason(&cluster, "env"), "CreateContainerConfigError");
        let said = events(&cluster, "bad");
        assert!(said.contains(&"Pulling x2 Pulling image \"does-not-exist\"".into()), "{said:?}");
        assert!(said.contains(&"BackOff x1 Back-off pulling image \"does-not-exist\"".into()), "{said:?}");
        assert!(events(&cluster, "env").contains(&"Failed x3 Error: configmap \"cm\" not found".into()));
        create(&mut cluster, Kind::ConfigMap, r#"{"metadata":{"name":"cm","namespace":"default"},"data":{"x":"1"}}"#);
        cluster.settle().unwrap();
        assert_eq!(get(&cluster, Kind::Pod, "env").unwrap()["status"]["phase"], "Running");
    }

    #[test]
    fn nothing_fits_says_why() {
        let mut cluster = cluster();
        let big = pod("big", r#""image":"busybox","resources":{"requests":{"cpu":"10"}}"#);
        create(&mut cluster, Kind::Pod, &big);
        cluster.settle().unwrap();
        assert_eq!(
            events(&cluster, "big"),
            [
                "FailedScheduling x1 0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: \
              0/3 nodes are available: 3 Preemption is not helpful for scheduling."
            ]
        );
    }
}
