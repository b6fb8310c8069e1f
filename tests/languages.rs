//! Help in the language of the user's surroundings.

use insta::assert_snapshot;

use crate::home::Home;

fn help(home: &Home, variables: &[(&str, &str)], line: &str) -> String {
    let mut command = home.command(line);
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG").envs(variables.iter().copied());
    let output = command.output().expect("to run kstate");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn help_is_given_in_the_languages_that_kubectl_has() {
    let home = Home::new();
    let english = help(&home, &[], "uncordon --help");
    assert!(english.starts_with("Mark node as schedulable.\n"), "{english}");
    for (variables, line, said) in [
        (&[("LANG", "de_DE.UTF-8")][..], "uncordon --help", "Markiere Knoten als schedulable.\n"),
        (&[("LANG", "de_DE.UTF-8")], "help", "Verändere kubeconfig Dateien"),
        (&[("LANG", "zh_CN.utf8"), ("LC_MESSAGES", "")], "help", "修改 kubeconfig 文件"),
        (&[("LANG", "de_DE.UTF-8"), ("LC_MESSAGES", "pt_BR.UTF-8")], "uncordon --help", "Remove a restrição"),
        (&[("LC_ALL", "fr_FR.UTF-8"), ("LANG", "de_DE.UTF-8")], "help", "Modifier des fichiers kubeconfig"),
        (&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], "uncordon --help", "Mark node as schedulable.\n"),
        (&[("LANG", "de_DE")], "uncordon --help", "Mark node as schedulable.\n"),
        (&[("LANG", "sv_SE.UTF-8")], "uncordon --help", "Mark node as schedulable.\n"),
    ] {
        let text = help(&home, variables, line);
        assert!(text.contains(said), "{variables:?} {line}: {text}");
    }
}

/// Each as kubectl 1.36.2 prints it.
#[test]
fn a_text_that_is_not_translated_stays_english_beside_one_that_is() {
    let home = Home::new();
    assert_snapshot!(help(&home, &[("LANG", "de_DE.UTF-8")], "api-versions --help"), @r#"
    Print the supported API versions on the server, in the form of "group/version".

    Examples:
      # Gebe die unterstützten API Versionen aus
      kstate api-versions

    Usage:
      kstate api-versions [options]

    Use "kstate options" for a list of global command-line options (applies to all commands).
    "#);
    assert_snapshot!(help(&home, &[("LANG", "zh_CN.UTF-8")], "top node --help"), @r#"
    Display resource (CPU/memory) usage of nodes.

     The top-node command allows you to see the resource consumption of nodes.

    Aliases:
    node, nodes, no

    Examples:
      # 显示所有节点的指标
      kstate top node
      
      # 显示指定节点的指标
      kstate top node NODE_NAME

    Options:
        --no-headers=false:
    	If present, print output without headers

        -l, --selector='':
    	Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.(e.g. -l key1=value1,key2=value2,key3 in (value3)). Matching objects must satisfy all of the specified label constraints.

        --show-capacity=false:
    	Print node resources based on Capacity instead of Allocatable(default) of the nodes.

        --show-swap=false:
    	Print node resources related to swap memory.

        --sort-by='':
    	If non-empty, sort nodes list using specified field. The field can be either 'cpu' or 'memory'.

        --use-protocol-buffers=true:
    	Enables using protocol-buffers to access Metrics API.

    Usage:
      kstate top node [NAME | -l label] [options]

    Use "kstate options" for a list of global command-line options (applies to all commands).
    "#);
}

#[test]
fn help_that_nobody_asked_for_is_in_the_same_language() {
    let home = Home::new();
    for line in ["config", "set", "create secret", "certificate", "rollout", "auth"] {
        for language in ["de_DE.UTF-8", "zh_CN.UTF-8"] {
            let asked = help(&home, &[("LANG", language)], &format!("{line} --help"));
            assert_eq!(help(&home, &[("LANG", language)], line), asked, "{language} {line}");
        }
    }
    assert!(help(&home, &[("LANG", "de_DE.UTF-8")], "config").contains("Lösche das angegebene Cluster"));
}

#[test]
fn an_unknown_language_is_english() {
    let home = Home::new();
    for line in ["help", "api-versions --help", "create secret", "__complete create service clusterip --c"] {
        assert_eq!(help(&home, &[("LANG", "sv_SE.UTF-8")], line), help(&home, &[], line), "{line}");
    }
}

#[test]
fn what_a_word_could_be_is_described_in_the_same_language() {
    let home = Home::new();
    let german = |line: &str| help(&home, &[("LANG", "de_DE.UTF-8")], line);
    assert!(german("__complete create name").contains("namespace\tErstelle einen Namespace mit dem gegebenen Namen\n"));
    let flags = german("__complete create service clusterip --clusterip");
    assert!(flags.contains("--clusterip\tWeise Deine eigene ClusterIP zu"), "{flags}");
}
