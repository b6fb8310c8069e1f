//! The kuberc file: aliases and defaults of flags, in kubectl's words.

#![cfg(unix)]

use insta::assert_snapshot;

use crate::home::Home;
use crate::kubeconfig::run;

const PREFERENCES: &str = "apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
aliases:
- name: mk
  command: create configmap
  prependArgs: [made]
  options:
  - {name: dry-run, default: client}
  - {name: output, default: name}
  appendArgs: [--from-literal=a=b]
- name: get
  command: create configmap
- name: lost
  command: nowhere
- name: odd
  command: get
  options:
  - {name: nope, default: x}
- name: bent
  command: get
  options:
  - {name: watch, default: often}
defaults:
- command: create configmap
  options:
  - {name: dry-run, default: client}
- command: get
  options:
  - {name: output, default: name}
- command: nowhere
  options:
  - {name: output, default: name}
";

#[test]
fn preferences_are_followed() {
    let home = Home::manual();
    home.write("rc", PREFERENCES);
    home.write("strict", &format!("{PREFERENCES}surplus: 5\n"));
    home.write(
        "old",
        &PREFERENCES.replace("v1beta1", "v1alpha1").replace("options:", "flags:").replace("defaults:", "overrides:"),
    );
    home.write("none", "a: b\n");
    home.write("empty", "");
    home.write("twice", "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\naliases: [{name: a, command: get}, {name: a, command: get}]\n");
    home.write(
        "named",
        "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\naliases: [{name: a1, command: get}]\n",
    );
    home.write("dashed", "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\ndefaults: [{command: get, options: [{name: --watch, default: x}]}]\n");
    assert_snapshot!(run(&home, &[], &[
        "mk --kuberc=rc",
        "mk -o yaml --kuberc rc",
        "create configmap plain --kuberc=rc",
        "create configmap plain --dry-run=none --kuberc=rc",
        "get configmap plain --kuberc=rc",
        "get configmap plain -ojsonpath={.kind} --kuberc=rc",
        "lost --kuberc=rc",
        "odd x --kuberc=rc",
        "bent pods --kuberc=rc",
        "stray --kuberc=rc",
        "mk --kuberc=strict",
        "mk --kuberc=old",
        "mk --kuberc=none",
        "get namespace default --kuberc=empty",
        "get namespace default --kuberc=gone",
        "get namespace default --kuberc=twice",
        "get namespace default --kuberc=named",
        "get namespace default --kuberc=dashed",
        "get namespace default --kuberc",
    ]), @r#"
    $ kubectl mk --kuberc=rc
    Warning: command "nowhere" not found to set kuberc override
    configmap/made
    $ kubectl mk -o yaml --kuberc rc
    Warning: command "nowhere" not found to set kuberc override
    apiVersion: v1
    data:
      a: b
    kind: ConfigMap
    metadata:
      name: made
    $ kubectl create configmap plain --kuberc=rc
    Warning: command "nowhere" not found to set kuberc override
    configmap/plain created (dry run)
    $ kubectl create configmap plain --dry-run=none --kuberc=rc
    Warning: command "nowhere" not found to set kuberc override
    configmap/plain created
    $ kubectl get configmap plain --kuberc=rc
    Warning: command "nowhere" not found to set kuberc override
    configmap/plain
    $ kubectl get configmap plain -ojsonpath={.kind} --kuberc=rc
    Warning: command "nowhere" not found to set kuberc override
    ConfigMap$ kubectl lost --kuberc=rc
    error occurred while applying preferences command "nowhere" not found to set alias "lost": [nowhere]
    [exit 1]
    $ kubectl odd x --kuberc=rc
    error occurred while applying preferences invalid alias flag nope in alias kubectl
    [exit 1]
    $ kubectl bent pods --kuberc=rc
    error occurred while applying preferences could not apply value often to flag watch in alias kubectl err: invalid argument "often" for "-w, --watch" flag: strconv.ParseBool: parsing "often": invalid syntax
    [exit 1]
    $ kubectl stray --kuberc=rc
    error: unknown command "stray" for "kubectl"
    [exit 1]
    $ kubectl mk --kuberc=strict
    kuberc: ignoring strict decoding error in strict: strict decoding error: unknown field "surplus"Warning: command "nowhere" not found to set kuberc override
    configmap/made
    $ kubectl mk --kuberc=old
    Warning: command "nowhere" not found to set kuberc override
    configmap/made
    $ kubectl mk --kuberc=none
    error occurred while applying preferences kuberc error kuberc: no valid preferences found in none, use --v=5 to see details
    [exit 1]
    $ kubectl get namespace default --kuberc=empty
    NAME      STATUS   AGE
    default   Active   0s
    $ kubectl get namespace default --kuberc=gone
    error occurred while applying preferences kuberc error kuberc: open gone: no such file or directory
    [exit 1]
    $ kubectl get namespace default --kuberc=twice
    error occurred while applying preferences duplicate alias name a
    [exit 1]
    $ kubectl get namespace default --kuberc=named
    error occurred while applying preferences invalid alias name, can only include alphabetical characters
    [exit 1]
    $ kubectl get namespace default --kuberc=dashed
    error occurred while applying preferences flag name --watch should be in long form without dashes
    [exit 1]
    $ kubectl get namespace default --kuberc
    error occurred while applying preferences kuberc file is not found
    [exit 1]
    "#);
    assert_snapshot!(run(&home, &[("KUBERC", "rc")], &["mk", "mk --kuberc=none"]), @r#"
    $ kubectl mk
    Warning: command "nowhere" not found to set kuberc override
    configmap/made
    $ kubectl mk --kuberc=none
    error occurred while applying preferences kuberc error kuberc: no valid preferences found in none, use --v=5 to see details
    [exit 1]
    "#);
    assert_snapshot!(run(&home, &[("KUBERC", "off")], &[
        "get namespace default -o name",
        "get namespace default --kuberc=rc",
        "kuberc view",
    ]), @"
    $ kubectl get namespace default -o name
    namespace/default
    $ kubectl get namespace default --kuberc=rc
    error occurred while applying preferences kuberc error disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive
    [exit 1]
    $ kubectl kuberc view
    error: KUBERC is disabled via KUBERC=off environment variable
    [exit 1]
    ");
    assert_snapshot!(run(&home, &[("KUBERC", "rc"), ("KUBECTL_KUBERC", "false")], &["mk", "kuberc view"]), @r#"
    $ kubectl mk
    error: unknown command "mk" for "kubectl"

    Did you mean this?
    	cp
    [exit 1]
    $ kubectl kuberc view
    error: unknown command "kuberc" for "kubectl"
    [exit 1]
    "#);
}

#[test]
fn preferences_are_set_and_shown() {
    let home = Home::manual();
    assert_snapshot!(run(&home, &[], &[
        "kuberc",
        "kuberc frob",
        "kuberc view",
        "kuberc view --kuberc=gone",
        "kuberc set",
        "kuberc set --section=x",
        "kuberc set --section=aliases",
        "kuberc set --section=defaults",
        "kuberc set --section=defaults --command=get --name=x",
        "kuberc set --section=defaults --command=get --appendarg=x",
        "kuberc set --section=defaults --command=get --option=wide",
        "kuberc set --section=credentialplugin",
        "kuberc set --section=credentialplugin --policy=X",
        "kuberc set --section=credentialplugin --policy=Allowlist",
        "kuberc set --section=credentialplugin --policy=DenyAll --allowlist-entry=command=x",
        "kuberc set --section=credentialplugin --policy=Allowlist --allowlist-entry=command=,name=x,foo=y,z",
        "kuberc set --section=defaults --command=get --option=output=name",
        "kuberc view",
        "get namespace default",
        "kuberc set --section=defaults --command=get --option=output=json",
        "kuberc set --section=aliases --name=getns --command=get --prependarg=namespace --option=--output=name",
        "getns default",
        "kuberc set --section=aliases --name=getns --command=get --overwrite --appendarg=kube-system",
        "getns default",
        "kuberc set --section=aliases --name=getns --command=get",
        "kuberc set --section=credentialplugin --policy=Allowlist --allowlist-entry=command=x",
        "kuberc view -o json",
        "kuberc view -o name",
    ]), @r#"
    $ kubectl kuberc
    Manage user preferences (kuberc) file.

     The kuberc file allows you to customize your kubectl experience.

    Examples:
      # View the current kuberc configuration
      kubectl kuberc view
      
      # Set a default value for a command flag
      kubectl kuberc set --section defaults --command get --option output=wide
      
      # Create an alias for a command
      kubectl kuberc set --section aliases --name getn --command get --prependarg nodes --option output=wide

    Available Commands:
      set           Set values in the kuberc configuration
      view          Display the current kuberc configuration

    Usage:
      kubectl kuberc SUBCOMMAND [options]

    Use "kubectl kuberc <command> --help" for more information about a given command.
    Use "kubectl options" for a list of global command-line options (applies to all commands).
    [exit 1]
    $ kubectl kuberc frob
    error: unknown command "frob"
    See 'kubectl kuberc -h' for help and examples
    [exit 1]
    $ kubectl kuberc view
    kuberc file not found at HOME/kuberc
    Would you like to generate a default kuberc file with recommended options? (y/N): $ kubectl kuberc view --kuberc=gone
    error occurred while applying preferences kuberc error kuberc: open gone: no such file or directory
    [exit 1]
    $ kubectl kuberc set
    error: required flag(s) "section" not set
    [exit 1]
    $ kubectl kuberc set --section=x
    error: --section must be "defaults", "aliases", or "credentialplugin", got: x
    [exit 1]
    $ kubectl kuberc set --section=aliases
    error: --name is required when --section=aliases
    [exit 1]
    $ kubectl kuberc set --section=defaults
    error: --command is required when --section=aliases or --section=defaults
    [exit 1]
    $ kubectl kuberc set --section=defaults --command=get --name=x
    error: --name should not be specified when --section=defaults
    [exit 1]
    $ kubectl kuberc set --section=defaults --command=get --appendarg=x
    error: --prependarg and --appendarg are only valid for --section=aliases
    [exit 1]
    $ kubectl kuberc set --section=defaults --command=get --option=wide
    error: invalid option format "wide", expected flag=value
    [exit 1]
    $ kubectl kuberc set --section=credentialplugin
    error: --policy is required when --section=credentialplugin
    [exit 1]
    $ kubectl kuberc set --section=credentialplugin --policy=X
    error:  --policy must be  "AllowAll", "DenyAll", or "Allowlist", got: X
    [exit 1]
    $ kubectl kuberc set --section=credentialplugin --policy=Allowlist
    error: --allowlist-entry is required when --section=credentialplugin and --policy=Allowlist
    [exit 1]
    $ kubectl kuberc set --section=credentialplugin --policy=DenyAll --allowlist-entry=command=x
    error: --allowlist-entry may only be used when --section=credentialplugin and --policy=Allowlist
    [exit 1]
    $ kubectl kuberc set --section=credentialplugin --policy=Allowlist --allowlist-entry=command=,name=x,foo=y,z
    empty value in allowlist entry for field "command"
    allowlist entry field "name" is deprecated, use "command" instead
    unrecognized allowlist entry field: "foo"
    improperly formatted allowlist entry: "z"
    [exit 1]
    $ kubectl kuberc set --section=defaults --command=get --option=output=name
    Updated HOME/kuberc
    $ kubectl kuberc view
    aliases: []
    apiVersion: kubectl.config.k8s.io/v1beta1
    defaults:
    - command: get
      options:
      - default: name
        name: output
    kind: Preference
    $ kubectl get namespace default
    namespace/default
    $ kubectl kuberc set --section=defaults --command=get --option=output=json
    error: defaults for command "get" already exist, use --overwrite to replace
    [exit 1]
    $ kubectl kuberc set --section=aliases --name=getns --command=get --prependarg=namespace --option=--output=name
    Updated HOME/kuberc
    $ kubectl getns default
    namespace/default
    $ kubectl kuberc set --section=aliases --name=getns --command=get --overwrite --appendarg=kube-system
    Updated HOME/kuberc
    $ kubectl getns default
    namespace/default
    namespace/kube-system
    $ kubectl kuberc set --section=aliases --name=getns --command=get
    error: alias "getns" already exists, use --overwrite to replace
    [exit 1]
    $ kubectl kuberc set --section=credentialplugin --policy=Allowlist --allowlist-entry=command=x
    Updated HOME/kuberc
    $ kubectl kuberc view -o json
    {
        "kind": "Preference",
        "apiVersion": "kubectl.config.k8s.io/v1beta1",
        "defaults": [
            {
                "command": "get",
                "options": [
                    {
                        "name": "output",
                        "default": "name"
                    }
                ]
            }
        ],
        "aliases": [
            {
                "name": "getns",
                "command": "get",
                "prependArgs": [
                    "namespace"
                ],
                "appendArgs": [
                    "kube-system"
                ],
                "options": [
                    {
                        "name": "output",
                        "default": "name"
                    }
                ]
            }
        ],
        "credentialPluginPolicy": "Allowlist",
        "credentialPluginAllowlist": [
            {
                "command": "x"
            }
        ]
    }
    $ kubectl kuberc view -o name
    preference.kubectl.config.k8s.io/<unknown>
    "#);
}
