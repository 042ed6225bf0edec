namespace Datapath.Backends.Selection;

/// <summary>The command that installs a package here.</summary>
/// <param name="Family">The distribution's ID and ID_LIKE of os-release(5), in one text; empty when it says nothing.</param>
internal sealed record PackageAdvice(string Family)
{
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

    /// <summary>Installs those modules of the running kernel that a slim installation leaves out.</summary>
    /// <param name="release">As <c>uname -r</c> prints it.</param>
    /// <param name="module">One of them, for distributions that leave out none.</param>
    public string InstallModules(string release, string module)
    {
        if (Is("ubuntu"))
        {
            return $"apt-get install linux-modules-extra-{release}";
        }

        return Is("fedora", "rhel", "centos") ? $"dnf install kernel-modules-extra-{release}" : $"boot a kernel that has {module}";
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
