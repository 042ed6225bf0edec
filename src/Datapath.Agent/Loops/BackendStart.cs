using Datapath.Backends;

namespace Datapath.Agent.Loops;

/// <summary>
/// What of a start needs no policy, done beside the rest of it: what an earlier agent left is taken over, and where there is nothing, the kernel gets what the first policy
/// will need.
/// </summary>
internal sealed class BackendStart
{
    private BackendStart(SharedBackend backend)
    {
        Adopted = Task.Run(() => backend.Ask(one => one.Adopt()));
        Prepared = PrepareAsync(backend, Adopted);
    }

    /// <summary>The generation that is in force, 0 for none; fails with a <see cref="BackendException"/> where nothing can be known of it.</summary>
    public Task<uint> Adopted { get; }

    /// <summary>Over when nothing is prepared any more; never fails.</summary>
    public Task Prepared { get; }

    /// <summary>Begins.</summary>
    /// <param name="backend">What will enforce.</param>
    public static BackendStart Of(SharedBackend backend) => new(backend);

    private static async Task PrepareAsync(SharedBackend backend, Task<uint> adopted)
    {
        try
        {
            if (await adopted == 0)
            {
                backend.Prepare();
            }
        }
        catch (BackendException)
        {
            // Whoever asked for the one is told, and the first policy meets the other again.
        }
    }
}
