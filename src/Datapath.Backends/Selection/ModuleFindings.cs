using Datapath.Backends.Host;

namespace Datapath.Backends.Selection;

/// <summary>What files tell of the kernel's parts, as a finding.</summary>
internal static class ModuleFindings
{
    /// <summary>Looks for a part of the kernel.</summary>
    /// <param name="facts">What files tell.</param>
    /// <param name="module">The module's name with underscores, such as <c>xt_set</c>.</param>
    /// <param name="options">Options of the configuration that make it, without <c>CONFIG_</c>; any of them is enough.</param>
    public static (Finding Finding, string Evidence) Judge(this ModuleFacts facts, string module, params ReadOnlySpan<string> options)
    {
        (bool? isThere, string evidence) = facts.Find(module, options);
        return (
            isThere switch
            {
                true => Finding.Found,
                false => Finding.Missing,
                null => Finding.CouldNotTell,
            },
            evidence
        );
    }
}
