namespace Datapath.Agent.Loops;

/// <summary>How long the reader of events sleeps: less while something happens, or somebody waits for it to happen.</summary>
internal sealed class EventPace
{
    /// <summary>A person does not notice it, and the ring buffer holds what comes meanwhile.</summary>
    public static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Of a host where nothing happens: still at once to whoever looks, and a quarter of what waking up costs, which is most of what an idle agent does. Longer, and the first
    /// burst after a silence would find too little room in the kernel's buffers.
    /// </summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(200);

    /// <summary>The same where units are cgroups: so long a new one is the host's to judge.</summary>
    public static readonly TimeSpan QuietWithCgroups = TimeSpan.FromMilliseconds(100);

    // A second: the packets of one conversation are closer together.
    private const int RoundsUntilQuiet = 20;

    private int _emptyRounds;

    /// <summary>How long to sleep after a round.</summary>
    /// <param name="isBusy">Whether it found anything, or somebody waits.</param>
    /// <param name="looksForCgroups">Whether it looks for new cgroups as well.</param>
    public TimeSpan After(bool isBusy, bool looksForCgroups = false)
    {
        _emptyRounds = isBusy ? 0 : Math.Min(_emptyRounds + 1, RoundsUntilQuiet);
        return _emptyRounds < RoundsUntilQuiet ? Busy
            : looksForCgroups ? QuietWithCgroups
            : Quiet;
    }
}
