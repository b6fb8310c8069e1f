//! One kustomization: its resources, generators and components, and what it does to them.
//!
//! Mirrors `internal/target/kusttarget.go` and `internal/accumulator` of `sigs.k8s.io/kustomize/api`.

use super::config::Config;
use super::kustomization::{COMPONENT, Kustomization};
use super::loader::Loader;
use super::node::Node;
use super::origin::{ORIGIN, Origin, add_origin, add_transformation};
use super::res_map::{absorb, append, drop_empty};
use super::resource::Resource;
use super::variables::{self, Vars};
use super::{Failed, Warning, generators, name_reference, read, transformer, transformers};
use crate::api::scalar::quote;

const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// A kustomization and the folder that it lies in.
pub(super) struct Target<'a> {
    loader: Loader<'a>,
    pub(super) kustomization: Kustomization,
    file: &'static str,
    /// Where what is read comes from, if that is to be noted.
    origin: Option<Origin>,
}

/// What was gathered so far.
#[derive(Default)]
struct Accumulator {
    resources: Vec<Resource>,
    config: Config,
    vars: Vars,
}

impl<'a> Target<'a> {
    /// Reads the kustomization of a folder.
    pub(super) fn load(loader: Loader<'a>, warnings: &mut Vec<Warning>) -> Result<Target<'a>, Failed> {
        let mut found = FILE_NAMES.iter().filter_map(|name| Some((*name, loader.load(name).ok()?)));
        let Some((file, bytes)) = found.next() else {
            let text =
                "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory";
            return Err(Failed::new(format!("{text} '{}'", loader.root)));
        };
        if found.next().is_some() {
            return Err(Failed::new(format!("Found multiple kustomization files under: {}\n", loader.root)));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let kustomization = Kustomization::read(&text, &loader.root, warnings)?;
        match kustomization.openapi.get("version").map_or("", String::as_str) {
            "" | "v1.21.2" => {}
            _ => return Err(Failed::new("the specified OpenAPI version is not built in")),
        }
        if kustomization.openapi.contains_key("path") {
            return Err(Failed::new("kstate merges by kustomize's own schema only: openapi.path is not read"));
        }
        Ok(Target { loader, kustomization, file, origin: None })
    }

    /// The objects as they are to be.
    pub(super) fn make_customized(&mut self, warnings: &mut Vec<Warning>) -> Result<Vec<Resource>, Failed> {
        if !self.kustomization.build_metadata.is_empty() {
            self.origin = Some(Origin::default());
        }
        let mut all = self.accumulate(Accumulator::default(), warnings)?;
        transformers::add_hashes(&mut all.resources)?;
        name_reference::fix(&mut all.resources, &all.config.name_reference)?;
        let unused = variables::resolve(&mut all.resources, &all.vars, &all.config.var_reference)?;
        if !unused.is_empty() {
            let text = format!("well-defined vars that were never replaced: {}", unused.join(","));
            warnings.push(Warning::Logged(text));
        }
        all.resources.retain(|resource| !resource.is_empty());
        for node in all.resources.iter().filter_map(|resource| resource.node.as_ref()) {
            read::validate(node)?;
        }
        all.resources.retain(|resource| resource.annotations().get(LOCAL_CONFIG).is_none_or(|text| text == "false"));
        Ok(all.resources)
    }

    /// Mirrors `accumulateTarget`. A component works on what was gathered before it.
    fn accumulate(&mut self, all: Accumulator, warnings: &mut Vec<Warning>) -> Result<Accumulator, Failed> {
        let resources = self.kustomization.resources.clone();
        let mut all =
            self.accumulate_resources(all, &resources, warnings).map_err(|e| e.within("accumulating resources"))?;
        let config = Config::read(&self.loader, &self.kustomization.configurations)?;
        all.config.merge(&config)?;
        let crds = &self.kustomization.crds;
        let config = Config::of_definitions(&self.loader, crds)
            .map_err(|e| e.within(&format!("loading CRDs [{}]", crds.join(" "))))?;
        all.config.merge(&config)?;
        self.generate(&mut all, warnings)?;
        let components = self.kustomization.components.clone();
        let mut all =
            self.accumulate_components(all, &components, warnings).map_err(|e| e.within("accumulating components"))?;
        self.transform(&mut all, warnings)?;
        variables::merge(&mut all.vars, &mut all.resources, &self.kustomization.vars)
            .map_err(|e| e.within(&format!("merging vars {}", variables::show_all(&self.kustomization.vars))))?;
        Ok(all)
    }

    fn accumulate_resources(
        &mut self,
        mut all: Accumulator,
        paths: &[String],
        warnings: &mut Vec<Warning>,
    ) -> Result<Accumulator, Failed> {
        for path in paths {
            let Err(fault) = self.accumulate_file(&mut all, path) else { continue };
            let within = format!("accumulation err='{fault}'");
            let loader = match self.loader.below(path) {
                Ok(loader) => loader,
                Err(_) if read::is_malformed(&fault) => return Err(fault),
                Err(e) => return Err(e.within(&within)),
            };
            all = self.accumulate_folder(all, loader, path, false, warnings).map_err(|e| e.within(&within))?;
        }
        Ok(all)
    }

    fn accumulate_components(
        &mut self,
        mut all: Accumulator,
        paths: &[String],
        warnings: &mut Vec<Warning>,
    ) -> Result<Accumulator, Failed> {
        for path in paths {
            let quoted = |what: &str, e: Failed| Failed::new(format!("{what} {}", quote(&e.to_string())));
            let loader = self.loader.below(path).map_err(|e| quoted("loader.New", e))?;
            let folder = self.accumulate_folder(all, loader, path, true, warnings);
            all = folder.map_err(|e| quoted("accumulateDirectory:", e))?;
        }
        Ok(all)
    }

    fn accumulate_folder(
        &self,
        mut all: Accumulator,
        loader: Loader<'a>,
        path: &str,
        is_component: bool,
        warnings: &mut Vec<Warning>,
    ) -> Result<Accumulator, Failed> {
        let root = loader.root.clone();
        let mut target =
            Target::load(loader, warnings).map_err(|e| e.within(&format!("couldn't make target for path '{root}'")))?;
        target.kustomization.build_metadata.clone_from(&self.kustomization.build_metadata);
        target.origin = self.origin.as_ref().map(|origin| origin.below(path));
        let kind = &target.kustomization.kind;
        if is_component && kind != COMPONENT {
            let text = format!("expected kind '{COMPONENT}' for path '{root}' but got '{kind}'");
            return Err(Failed::new(text));
        }
        if !is_component && kind == COMPONENT {
            return Err(Failed::new(format!("expected kind != '{COMPONENT}' for path '{root}'")));
        }
        let start = if is_component { std::mem::take(&mut all) } else { Accumulator::default() };
        let found = target
            .accumulate(start, warnings)
            .map_err(|e| e.within(&format!("recursed accumulation of path '{root}'")))?;
        all.merge(found).map_err(|e| e.within(&format!("recursed merging from path '{root}'")))?;
        Ok(all)
    }

    fn accumulate_file(&self, all: &mut Accumulator, path: &str) -> Result<(), Failed> {
        let within = |e: Failed| e.within(&format!("accumulating resources from '{path}'"));
        let nodes = self.loader.load(path).and_then(|bytes| read::objects_of_file(&bytes, path)).map_err(within)?;
        let mut resources = Vec::new();
        for node in nodes {
            append(&mut resources, Resource::new(node)).map_err(within)?;
        }
        if let Some(origin) = &self.origin {
            let text = origin.below(path).text();
            for resource in &mut resources {
                resource.set_annotation(ORIGIN, &text)?;
            }
        }
        for resource in resources {
            append(&mut all.resources, resource).map_err(|e| e.within(&format!("merging resources from '{path}'")))?;
        }
        Ok(())
    }

    fn generate(&mut self, all: &mut Accumulator, warnings: &mut Vec<Warning>) -> Result<(), Failed> {
        let kustomization = &self.kustomization;
        if let Some(chart) = &kustomization.chart {
            let what = format!("trouble configuring builtin HelmChartInflationGenerator with config: `\n{chart}`");
            return Err(Failed::new("must specify --enable-helm").within(&what));
        }
        let global = kustomization.generator_options.as_ref();
        let config_maps = kustomization.config_map_generator.iter().map(|generator| ("ConfigMap", generator));
        let secrets = kustomization.secret_generator.iter().map(|generator| ("Secret", generator));
        for (kind, generator) in config_maps.chain(secrets) {
            let generator = generators::with_global_options(generator, global);
            let mut made = vec![generators::generate(kind, &generator, &self.loader)?];
            if let Some(origin) = &self.origin {
                let by = if kind == "Secret" { "SecretGenerator" } else { "ConfigMapGenerator" };
                add_origin(&mut made, &origin.configured(self.file, by))?;
            }
            for resource in made {
                absorb(&mut all.resources, resource).map_err(|e| e.within("merging from generator"))?;
            }
        }
        let named = self.kustomization.generators.clone();
        let configurations =
            self.configurations(&named, warnings).map_err(|e| e.within("loading generator plugins"))?;
        for configuration in configurations {
            let mut made = vec![transformer::generated(&configuration, &self.loader)?];
            if let Some(origin) = Origin::of_plugin(&configuration) {
                add_origin(&mut made, &origin)?;
            }
            for resource in made {
                absorb(&mut all.resources, resource).map_err(|e| e.within("merging from generator"))?;
            }
        }
        Ok(())
    }

    fn transform(&mut self, all: &mut Accumulator, warnings: &mut Vec<Warning>) -> Result<(), Failed> {
        let mut list = Vec::new();
        for transformer in transformer::of_fields(&self.kustomization, &self.loader, &all.config)? {
            let origin = self.origin.as_ref().map(|origin| origin.configured(self.file, transformer.name()));
            list.push((vec![transformer], origin));
        }
        let named = self.kustomization.transformers.clone();
        for resource in self.configurations(&named, warnings)? {
            list.push((transformer::of_object(&resource, &self.loader)?, Origin::of_plugin(&resource)));
        }
        for (transformers, origin) in list {
            transformers.iter().try_for_each(|transformer| transformer.apply(&mut all.resources))?;
            if let Some(origin) = origin {
                add_transformation(&mut all.resources, &origin)?;
            }
            drop_empty(&mut all.resources);
            all.resources.iter_mut().filter_map(|resource| resource.node.as_mut()).for_each(Node::settle_shared);
        }
        let named = self.kustomization.validators.clone();
        for resource in self.configurations(&named, warnings)? {
            self.validate(all, &resource)?;
        }
        Ok(())
    }

    /// A validator is a transformer that changes nothing.
    fn validate(&self, all: &Accumulator, resource: &Resource) -> Result<(), Failed> {
        let mut changed = all.resources.clone();
        for transformer in transformer::of_object(resource, &self.loader)? {
            transformer.apply(&mut changed)?;
        }
        let wrong = |what: String| Failed::new(format!("validator shouldn't modify the resource map: {what}"));
        if changed.len() != all.resources.len() {
            return Err(wrong("lists have different number of entries".into()));
        }
        for old in &all.resources {
            let id = old.id();
            match changed.iter().find(|new| new.id().is(&id)) {
                None => return Err(wrong(format!("id in self missing from other; id: {id}"))),
                Some(new) if new.node != old.node => return Err(wrong("nodes unequal".into())),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The objects that configure generators or transformers: written in place, or in files and folders.
    fn configurations(&mut self, named: &[String], warnings: &mut Vec<Warning>) -> Result<Vec<Resource>, Failed> {
        let mut all = Accumulator::default();
        let mut paths = Vec::new();
        for text in named {
            match read::objects(text.as_bytes()) {
                Err(_) => paths.push(text.clone()),
                Ok(nodes) => {
                    for node in nodes {
                        let mut resource = Resource::new(node);
                        if let Some(origin) = &self.origin {
                            resource.set_annotation(ORIGIN, &origin.below(self.file).text())?;
                        }
                        append(&mut all.resources, resource)?;
                    }
                }
            }
        }
        Ok(self.accumulate_resources(all, &paths, warnings)?.resources)
    }
}

impl Accumulator {
    fn merge(&mut self, other: Accumulator) -> Result<(), Failed> {
        for resource in other.resources {
            append(&mut self.resources, resource)?;
        }
        self.config.merge(&other.config)?;
        other.vars.values().try_for_each(|var| variables::add(&mut self.vars, var))
    }
}
