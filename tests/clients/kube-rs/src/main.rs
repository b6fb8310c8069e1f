//! kube-rs against `kstate serve`: list, a watcher, server-side apply, exec.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod};
use kube::api::{Api, AttachParams, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{conditions, wait::await_condition};
use kube::{Client, ResourceExt as _};
use serde_json::json;
use tokio::io::AsyncReadExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let client = Client::try_default().await?;
    let nodes: Api<Node> = Api::all(client.clone());
    ensure!(!nodes.list(&ListParams::default()).await?.items.is_empty(), "no nodes");
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    watch(&maps).await.context("watch")?;
    apply(&maps).await.context("server-side apply")?;
    run(&Api::default_namespaced(client)).await.context("exec")?;
    println!("ok");
    Ok(())
}

/// A watcher begins with what is there and goes on with what comes.
async fn watch(maps: &Api<ConfigMap>) -> anyhow::Result<()> {
    maps.create(&PostParams::default(), &map("there")).await?;
    let mut events = watcher::watcher(maps.clone(), watcher::Config::default().labels("watched")).boxed();
    let mut seen = Vec::new();
    while !seen.contains(&"deleted late".to_string()) {
        let event = tokio::time::timeout(Duration::from_secs(20), events.try_next()).await??;
        match event.context("the watch ended")? {
            Event::Init => {}
            Event::InitApply(map) => seen.push(format!("there {}", map.name_any())),
            Event::InitDone => _ = maps.create(&PostParams::default(), &map("late")).await?,
            Event::Apply(map) => {
                seen.push(format!("applied {}", map.name_any()));
                maps.delete("late", &DeleteParams::default()).await?;
            }
            Event::Delete(map) => seen.push(format!("deleted {}", map.name_any())),
        }
    }
    ensure!(seen == ["there there", "applied late", "deleted late"], "{seen:?}");
    Ok(())
}

fn map(name: &str) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.name = Some(name.into());
    map.metadata.labels = Some([("watched".to_string(), "yes".to_string())].into());
    map
}

/// A field has an owner; another manager gets a conflict, and forces it.
async fn apply(maps: &Api<ConfigMap>) -> anyhow::Result<()> {
    let config = |value: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": value}})
    };
    maps.patch("applied", &PatchParams::apply("one"), &Patch::Apply(config("1"))).await?;
    match maps.patch("applied", &PatchParams::apply("two"), &Patch::Apply(config("2"))).await {
        Err(kube::Error::Api(status)) if status.code == 409 => {
            ensure!(status.message.contains("conflict with \"one\": .data.a"), "{}", status.message);
        }
        other => bail!("a conflict was expected: {other:?}"),
    }
    let forced = maps.patch("applied", &PatchParams::apply("two").force(), &Patch::Apply(config("2"))).await?;
    ensure!(forced.data.as_ref().and_then(|d| d.get("a")).is_some_and(|a| a == "2"), "{forced:?}");
    ensure!(forced.managed_fields().iter().any(|m| m.manager.as_deref() == Some("two")), "{forced:?}");
    Ok(())
}

/// A pod comes to run; a command in it is asked and answers.
async fn run(pods: &Api<Pod>) -> anyhow::Result<()> {
    let pod = serde_json::from_value(json!({
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", "echo hello; sleep 100000"]}]},
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    let running = await_condition(pods.clone(), "p", conditions::is_pod_running());
    tokio::time::timeout(Duration::from_secs(60), running).await??;
    let mut process = pods.exec("p", ["sh", "-c", "echo from $HOSTNAME"], &AttachParams::default().stderr(false)).await?;
    let mut said = String::new();
    process.stdout().context("no output")?.read_to_string(&mut said).await?;
    let status = process.take_status().context("no status")?.await.context("no status came")?;
    ensure!(said == "from p\n" && status.status.as_deref() == Some("Success"), "{said:?} {status:?}");
    ensure!(pods.logs("p", &LogParams::default()).await? == "hello\n");
    pods.delete("p", &DeleteParams::default().grace_period(0)).await?;
    Ok(())
}
