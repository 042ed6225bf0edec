using Datapath.Backends.Host;
using Datapath.Interop;
using Datapath.Interop.Libbpf;
using Datapath.Interop.Libc;
using Datapath.Interop.Netlink;

namespace Datapath.Backends.Ebpf;

/// <summary>
/// Refuses TCP connections at connect(2) that would be dropped at tc, where that is certain: as long as nothing translates what the host sends, and
/// every interface is judged.
/// </summary>
/// <param name="loaded">The loaded object, whose maps the copy for processes shares.</param>
/// <param name="load">Loads that copy; called when it is first needed.</param>
/// <param name="pins">Where links are pinned.</param>
/// <param name="place">Where it is attached.</param>
/// <param name="time">Times the looks at translation.</param>
internal sealed class EarlyRefusal(BpfObject loaded, Func<BpfObject> load, PinDirectory pins, EarlyRefusalPlace place, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    // Where a host translates it does so by many chains, and for long.
    private static readonly TimeSpan BetweenLooksWhileOff = TimeSpan.FromSeconds(5);

    private static readonly (AttachType Place, string Program)[] Hooks = [(AttachType.CgroupConnect4, "dp_connect4"), (AttachType.CgroupConnect6, "dp_connect6")];

    private readonly Dictionary<string, BpfLink> _held = new(StringComparer.Ordinal);

    // Neither we nor an agent before us refuses anything.
    private bool _isReleased;
    private BpfObject? _programs;
    private string? _unjudged;
    private long _lookedAt;

    /// <summary>Why connections are not refused early, as a sentence without a full stop; null when they are.</summary>
    public string? Obstacle { get; private set; } = "nothing is enforced yet";

    private BpfMap<uint, DpEarly> Early => loaded.Map(DpMaps.Early);

    private BpfObject Programs => _programs ??= load();

    /// <summary>A policy is in force.</summary>
    /// <param name="unjudged">An interface by which the host may send what nobody judges; null when there is none.</param>
    public void Follow(string? unjudged)
    {
        _unjudged = unjudged is null ? null : $"interface {unjudged} is excluded, and nobody knows yet by which one a connection leaves";
        Converge();
    }

    /// <summary>Looks whether that what was certain still is.</summary>
    public void Look()
    {
        if (place.IsOn && _lookedAt != 0 && time.GetElapsedTime(_lookedAt) >= (Obstacle is null ? BetweenLooks : BetweenLooksWhileOff))
        {
            Converge();
        }
    }

    /// <summary>Puts these programs in the place of an earlier agent's.</summary>
    public void Renew()
    {
        foreach ((_, string program) in Hooks)
        {
            Renew(PinOf(program), program);
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
        _programs?.Dispose();
    }

    private void Converge()
    {
        _lookedAt = time.GetTimestamp();
        try
        {
            Obstacle = FindObstacle();
            if (Obstacle is null)
            {
                Attach();
                return;
            }
        }
        catch (KernelException refusal)
        {
            Obstacle = refusal.Message;
        }

        Release();
    }

    private string? FindObstacle()
    {
        if (!place.IsOn)
        {
            return "--no-early-reject";
        }

        if (place.Tree is null)
        {
            return "no cgroup2 file system is mounted";
        }

        return _unjudged ?? (OutgoingTranslation.Find() is { } translation ? $"{translation} may translate what the host connects to" : null);
    }

    /// <summary>The host's namespace is told first: a program that does not know it refuses nothing.</summary>
    private void Attach()
    {
        _isReleased = false;
        if (_held.Count == Hooks.Length)
        {
            return;
        }

        Early.Update(0, new DpEarly { NetworkNamespace = NetworkNamespace.CurrentCookie() });
        using Cgroup cgroup = Cgroup.Open(place.Tree!.DirectoryOf(place.Path));
        foreach ((AttachType type, string program) in Hooks)
        {
            string pin = PinOf(program);
            if (!Renew(pin, program))
            {
                BpfLink link = BpfLink.Create(Programs.Program(program), cgroup, type);
                _held[pin] = link;
                link.Pin(pin);
            }
        }
    }

    private void Release()
    {
        if (_isReleased)
        {
            return;
        }

        foreach ((_, string program) in Hooks)
        {
            string pin = PinOf(program);
            if (_held.Remove(pin, out BpfLink? link))
            {
                link.Dispose();
            }

            AttachedHooks.ReleaseLink(pin);
        }

        _isReleased = true;
    }

    /// <summary>False where there is no such link, or its cgroup is gone.</summary>
    private bool Renew(string pin, string program)
    {
        if (CgroupHooks.Adopt(pin, () => Programs.Program(program)) is not { } link)
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

    private string PinOf(string program) => Path.Combine(pins.Links, program);
}

/// <summary>Where connections are refused early.</summary>
/// <param name="IsOn">Whether anybody wants it.</param>
/// <param name="Tree">The hierarchy of cgroups; null where none is mounted.</param>
/// <param name="Path">Whose processes, and those of its children: below the root of the hierarchy.</param>
internal sealed record EarlyRefusalPlace(bool IsOn, CgroupTree? Tree, string Path);
