namespace Datapath.Agent.Service;

/// <summary>Where the parts of an installation are.</summary>
/// <param name="Root">The root of the file tree to install into; <c>/</c> for this host.</param>
/// <param name="Prefix">Below which programs go: <c>/usr</c> in packages, whose scripts do what a file cannot; <c>/usr/local</c> otherwise.</param>
internal sealed record InstallLayout(string Root, string Prefix)
{
    /// <summary>The user group that may ask the agent.</summary>
    public const string Group = "datapath";

    /// <summary>Name of the systemd unit.</summary>
    public const string Unit = "datapath.service";

    private const string PackagePrefix = "/usr";

    /// <summary>Whether a package is made: its scripts make the group and enable the unit.</summary>
    public bool IsPackage => Prefix == PackagePrefix;

    /// <summary>Whether the tree is that of the running system.</summary>
    public bool IsThisHost => Path.GetFullPath(Root) == "/";

    /// <summary>The executable of an installation.</summary>
    public string Executable => $"{Prefix}/bin/datapath";

    public string UnitFile => IsPackage ? $"/usr/lib/systemd/system/{Unit}" : $"/etc/systemd/system/{Unit}";

    /// <summary>What <c>systemctl enable</c> makes.</summary>
    public static string Enablement => $"/etc/systemd/system/{UnitText.WantedBy}.wants/{Unit}";

    public static string ConfigurationDirectory => InstanceName.ConfigurationDirectory;

    public static string ConfigurationFile => $"{ConfigurationDirectory}/{InstanceName.Default.ConfigurationFile}";

    public static string PolicyDirectory => $"{ConfigurationDirectory}/policy";

    public static string StateDirectory => InstanceName.StateRoot;

    public string ManualPage => $"{Prefix}/share/man/man8/datapath.8";

    public string BashCompletion => $"{Prefix}/share/bash-completion/completions/datapath";

    public string ZshCompletion => IsPackage ? "/usr/share/zsh/vendor-completions/_datapath" : $"{Prefix}/share/zsh/site-functions/_datapath";

    public string FishCompletion => $"{Prefix}/share/fish/vendor_completions.d/datapath.fish";

    /// <summary>Where a path of the installed system is now.</summary>
    /// <param name="path">An absolute path.</param>
    public string On(string path) => Path.Join(Root, path);
}
