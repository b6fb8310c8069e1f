//! Help in the language of the user's surroundings.

use crate::home::Home;

fn help(home: &Home, variables: &[(&str, &str)], line: &str) -> String {
    let mut command = home.command(line);
    command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG").envs(variables.iter().copied());
    String::from_utf8_lossy(&command.output().expect("to run kstate").stdout).into_owned()
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
