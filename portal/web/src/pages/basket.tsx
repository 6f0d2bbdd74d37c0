import { useNavigate, useParams } from "react-router";
import "../account/account.css";
import { Failure, Loading, PageFrame } from "../account/parts";
import { useMe } from "../api/queries";
import { useCurrentBasket, useOneBasket } from "../basket/basket";
import { BrowserBasket } from "../basket/browser";
import { BasketDetail, EmptyBasket } from "../basket/detail";
import { BasketList } from "../basket/list";
import { TransferNotice } from "../basket/notices";

function UserBaskets(props: { user: string }) {
  const { id } = useParams();
  const navigate = useNavigate();
  const { baskets, current } = useCurrentBasket(props.user);
  const shown = id ?? current?.id ?? null;
  const basket = useOneBasket(shown);
  if (baskets.isPending) return <Loading what="your baskets" />;
  const failure = <Failure error={baskets.error} retry={() => baskets.refetch()} />;
  if (!baskets.data) return failure;
  // What is known stays, and with it what is being written.
  return (
    <div className="row g-4">
      {baskets.error && <div className="col-12">{failure}</div>}
      <div className="col-lg-3">
        <BasketList
          baskets={baskets.data}
          shown={shown}
          current={current?.id ?? null}
          onMade={(made) => navigate(`/basket/${made}`)}
        />
      </div>
      <div className="col-lg-9">
        <Failure error={basket.error} retry={() => basket.refetch()} />
        {shown === null ? (
          <EmptyBasket />
        ) : basket.isPending ? (
          <Loading what="the basket" />
        ) : (
          basket.data && (
            <BasketDetail
              key={basket.data.id}
              basket={basket.data}
              others={baskets.data.filter((other) => other.id !== shown)}
              isCurrent={current?.id === basket.data.id}
              user={props.user}
              onShow={(next) => navigate(next === null ? "/basket" : `/basket/${next}`)}
            />
          )
        )}
      </div>
    </div>
  );
}

export default function BasketPage() {
  const me = useMe();
  const user = me.data?.user ?? null;
  return (
    <PageFrame title="My Basket">
      <TransferNotice user={user?.id ?? null} />
      {me.isPending ? (
        <Loading what="your account" />
      ) : user ? (
        <UserBaskets user={user.id} />
      ) : (
        <>
          <Failure
            error={me.error}
            doing="It is not known whether you are logged in"
            retry={() => me.refetch()}
          />
          <BrowserBasket />
        </>
      )}
    </PageFrame>
  );
}
