using System.Globalization;
using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;

namespace Datapath.Backends.Ebpf;

/// <summary>Programs at cgroups, by links that outlive the agent. A cgroup's children are covered from their first packet on.</summary>
/// <param name="loaded">The copy of the programs that is for cgroups.</param>
/// <param name="pins">Where links are pinned.</param>
internal sealed class CgroupHooks(BpfObject loaded, PinDirectory pins) : IDisposable
{
    private const string PinPrefix = "cgroup-";

    private static readonly (AttachType Place, string Program, string Word)[] Hooks =
    [
        (AttachType.CgroupIngress, "dp_cgroup_in", "ingress"),
        (AttachType.CgroupEgress, "dp_cgroup_out", "egress"),
    ];

    // As at tc: a link lives as long as something holds it, a pin or an agent.
    private readonly Dictionary<string, BpfLink> _held = new(StringComparer.Ordinal);

    /// <summary>The cgroups that have a pinned link of ours, by id.</summary>
    /// <param name="pins">Where links are pinned.</param>
    public static IReadOnlySet<ulong> Pinned(PinDirectory pins) =>
        Directory.Exists(pins.Links)
            ?
            [
                .. Directory
                    .EnumerateFiles(pins.Links, PinPrefix + "*")
                    .Select(path => ulong.Parse(Path.GetFileName(path).Split('-')[1], CultureInfo.InvariantCulture)),
            ]
            : new HashSet<ulong>();

    /// <summary>The cgroups that have a pinned link of ours, by id.</summary>
    public IReadOnlySet<ulong> All() => Pinned(pins);

    /// <summary>Makes sure that both programs are at a cgroup: takes over what an earlier agent attached, attaches what is missing.</summary>
    /// <param name="tree">The hierarchy.</param>
    /// <param name="cgroup">The cgroup.</param>
    /// <exception cref="KernelException">Refused, or the cgroup is gone (ENOENT).</exception>
    public void Ensure(CgroupTree tree, HostCgroup cgroup)
    {
        using Cgroup opened = Cgroup.Open(tree.DirectoryOf(cgroup.Path));
        foreach ((AttachType place, string program, string word) in Hooks)
        {
            string pin = PinOf(cgroup.Id, word);
            if (_held.ContainsKey(pin) || Renew(pin, loaded.Program(program)))
            {
                continue;
            }

            BpfLink link = BpfLink.Create(loaded.Program(program), opened, place);
            _held.Add(pin, link);
            link.Pin(pin);
        }
    }

    /// <summary>Puts these programs in the place of an earlier agent's; what is at a cgroup that is gone is let go.</summary>
    public void RenewAll()
    {
        foreach (ulong id in Pinned(pins))
        {
            foreach ((_, string program, string word) in Hooks)
            {
                Renew(PinOf(id, word), loaded.Program(program));
            }
        }
    }

    /// <summary>Takes our programs off a cgroup, which may be gone already.</summary>
    /// <param name="id">Its id.</param>
    public void Release(ulong id)
    {
        foreach ((_, _, string word) in Hooks)
        {
            string pin = PinOf(id, word);
            if (_held.Remove(pin, out BpfLink? link))
            {
                link.Dispose();
            }

            AttachedHooks.ReleaseLink(pin);
        }
    }

    /// <summary>Pins again the links whose pins are gone.</summary>
    public void PinAgain()
    {
        foreach ((string pin, BpfLink link) in _held.Where(one => !File.Exists(one.Key)))
        {
            link.Pin(pin);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (BpfLink link in _held.Values)
        {
            link.Dispose();
        }

        _held.Clear();
    }

    /// <summary>Opens the pinned link of an earlier agent and puts a program into it.</summary>
    /// <param name="pin">Where it is pinned.</param>
    /// <param name="program">The program; asked for only where there is a link.</param>
    /// <returns>Null where there is no such link, or its cgroup is gone.</returns>
    public static BpfLink? Adopt(string pin, Func<BpfProgram> program)
    {
        if (!File.Exists(pin))
        {
            return null;
        }

        BpfLink link = BpfLink.OpenPinned(pin);
        LinkDescription described = link.Describe();
        if (!described.IsAttached)
        {
            link.Dispose();
            BpfFs.Unpin(pin);
            return null;
        }

        BpfProgram wanted = program();
        if (described.ProgramId != wanted.Id)
        {
            link.Update(wanted);
        }

        return link;
    }

    /// <summary>False where there is no such link, or its cgroup is gone.</summary>
    private bool Renew(string pin, BpfProgram program)
    {
        if (Adopt(pin, () => program) is not { } link)
        {
            return false;
        }

        if (_held.Remove(pin, out BpfLink? before))
        {
            before.Dispose();
        }

        _held.Add(pin, link);
        return true;
    }

    private string PinOf(ulong id, string word) => Path.Combine(pins.Links, string.Create(CultureInfo.InvariantCulture, $"{PinPrefix}{id}-{word}"));
}
