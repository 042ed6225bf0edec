namespace Datapath.Backends.Host;

/// <summary>The command that installs a package here, or brings a module into the kernel.</summary>
/// <param name="Family">The distribution's ID and ID_LIKE of os-release(5), in one text; empty when it says nothing.</param>
internal sealed record PackageAdvice(string Family)
{
    // The first is what the host's owner may change, the second what the distribution ships (os-release(5)).
    private static readonly string[] Places = ["/etc/os-release", "/usr/lib/os-release"];

    /// <summary>Reads what this host is; nothing where it does not say.</summary>
    public static PackageAdvice OfHost()
    {
        try
        {
            return Parse(Places.Where(File.Exists).Select(File.ReadAllText).FirstOrDefault() ?? "");
        }
        catch (Exception refusal) when (refusal is IOException or UnauthorizedAccessException)
        {
            return Parse("");
        }
    }

    /// <summary>Reads /etc/os-release.</summary>
    /// <param name="text">Its content; empty when there is none.</param>
    public static PackageAdvice Parse(string text) =>
        new(
            string.Join(
                ' ',
                text.Split('\n')
                    .Where(line => line.StartsWith("ID=", StringComparison.Ordinal) || line.StartsWith("ID_LIKE=", StringComparison.Ordinal))
                    .Select(line => line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..].Trim('"', '\'', '\r'))
            )
        );

    /// <summary>Installs a package.</summary>
    /// <param name="debian">Its name in Debian and its kin, which others mostly have too.</param>
    /// <param name="redHat">Its name in Fedora, RHEL and their kin.</param>
    public string Install(string debian, string redHat)
    {
        if (Is("debian", "ubuntu"))
        {
            return $"apt-get install {debian}";
        }

        if (Is("fedora", "rhel", "centos", "amzn"))
        {
            return $"dnf install {redHat}";
        }

        return Is("suse", "sles", "opensuse") ? $"zypper install {debian}" : $"install the package {debian} ({redHat} in Fedora and RHEL)";
    }

    /// <summary>Installs the package of a program that the iptables backend runs.</summary>
    /// <param name="program">Its name, as it is run.</param>
    public string InstallProgram(string program) =>
        program switch
        {
            "ipset" => Install("ipset", "ipset"),
            "setsid" => Install("util-linux", "util-linux"),
            "modprobe" => Install("kmod", "kmod"),
            _ => Install("iptables", "iptables-nft"),
        };

    /// <summary>Brings modules that are not to be had into the kernel.</summary>
    /// <param name="release">As <c>uname -r</c> prints it.</param>
    /// <param name="isClosed">Whether the kernel takes no more modules until it is rebooted.</param>
    /// <param name="modules">Their names, one at least.</param>
    public string MendModules(string release, bool isClosed, params ReadOnlySpan<string> modules) =>
        isClosed ? $"name {string.Join(" and ", modules)} in /etc/modules-load.d, and boot" : InstallModules(release, string.Join(", ", modules));

    /// <summary>Installs those modules of the running kernel that a slim installation leaves out.</summary>
    /// <param name="release">As <c>uname -r</c> prints it.</param>
    /// <param name="modules">Which, for distributions that leave out none.</param>
    private string InstallModules(string release, string modules)
    {
        if (Is("ubuntu"))
        {
            return $"apt-get install linux-modules-extra-{release}";
        }

        return Is("fedora", "rhel", "centos") ? $"dnf install kernel-modules-extra-{release}" : $"boot a kernel that has {modules}";
    }

    private bool Is(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (Family.Split(' ').Contains(name, StringComparer.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
