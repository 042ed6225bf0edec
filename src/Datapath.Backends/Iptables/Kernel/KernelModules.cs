using System.Collections.Immutable;
using Datapath.Backends.Host;

namespace Datapath.Backends.Iptables.Kernel;

/// <summary>
/// The modules that our rules need. The kernel loads most of them by itself when a rule asks; where it may not, in a container or with
/// an unusual modprobe configuration, we ask by name.
/// </summary>
internal static class KernelModules
{
    /// <summary>What a service loads before the agent starts. Not those of the legacy variant: where it is not used, its tables would be there unasked.</summary>
    public static ImmutableArray<string> OfService => Of(XtablesVariant.Nft);

    /// <summary>Asks for every module that is not loaded.</summary>
    /// <param name="variant">For which implementation.</param>
    /// <returns>Those that could not be had, and are not part of the kernel either.</returns>
    public static ImmutableArray<string> LoadMissing(XtablesVariant variant)
    {
        foreach (string module in RuleModules.Perhaps(variant).Where(name => !Directory.Exists($"/sys/module/{name}")))
        {
            Load(module);
        }

        ImmutableArray<string> refused = [.. Of(variant).Where(name => !Directory.Exists($"/sys/module/{name}") && !Load(name))];
        if (refused.IsEmpty)
        {
            return refused;
        }

        // Parts of the kernel with nothing to set are not below /sys/module, and where there is no modprobe nobody vouched for them.
        ModuleFacts facts = Facts();
        return [.. refused.Where(name => !RuleModules.IsInUse(facts, name))];
    }

    /// <summary>
    /// Does something that needs modules, and once more with all of them loaded when it is refused: what only looks (a list of sets, a table as text)
    /// is refused too where the kernel loads nothing by itself.
    /// </summary>
    /// <param name="variant">For which implementation.</param>
    /// <param name="work">What to do; twice at most.</param>
    /// <exception cref="BackendException">Refused all the same; the message names the modules that cannot be had.</exception>
    public static T WithModules<T>(XtablesVariant variant, Func<T> work) => WithModules(work, () => LoadMissing(variant));

    /// <summary>The same with another way to load them.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="load">Loads them, and gives back those that cannot be had.</param>
    internal static T WithModules<T>(Func<T> work, Func<ImmutableArray<string>> load)
    {
        try
        {
            return work();
        }
        catch (BackendException refusal)
        {
            ImmutableArray<string> missing = load();
            try
            {
                return work();
            }
            catch (BackendException) when (!missing.IsEmpty)
            {
                throw new BackendException($"{refusal.Message}; {Complaint(missing)}", refusal);
            }
        }
    }

    /// <summary>What files tell of this kernel.</summary>
    public static ModuleFacts Facts() => ModuleFacts.Read(Setting("osrelease"));

    /// <summary>All modules that rules of a variant need.</summary>
    /// <param name="variant">Which implementation.</param>
    public static ImmutableArray<string> Of(XtablesVariant variant) => [.. RuleModules.Of(variant).Select(one => one.Module)];

    /// <summary>What to say of modules that are not to be had, with what mends it here.</summary>
    /// <param name="missing">Which, one at least.</param>
    public static string Complaint(ImmutableArray<string> missing) =>
        $"these kernel modules cannot be loaded: {string.Join(", ", missing)}: {PackageAdvice.OfHost().MendModules(Setting("osrelease"), Setting("modules_disabled") == "1", missing.AsSpan())}";

    // A kernel without modules has no switch that closes it to them.
    private static string Setting(string name) => File.Exists($"/proc/sys/kernel/{name}") ? File.ReadAllText($"/proc/sys/kernel/{name}").Trim() : "";

    private static bool Load(string name)
    {
        try
        {
            // Succeeds also for what is built in.
            return Programs.Run("modprobe", ["-q", name]) is { ExitCode: 0 };
        }
        catch (BackendException)
        {
            // No modprobe: then nothing is loaded, which is what the answer says.
            return false;
        }
    }
}
